// Draws the charts of a page from the JSON in #data and sorts its tables. Texts go into the page as text, never as markup.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const charts = [];
  const kLight = ["#0072b2", "#d55e00", "#007a5a", "#b1468c", "#b07d00", "#3d8fc4", "#6f52b5", "#8c564b", "#5c7a00", "#4a5a6b"];
  const kDark = ["#56a9e8", "#ff8f57", "#3fcb9c", "#e79bc6", "#f2c14e", "#9ad0f5", "#b79cf0", "#cf9f92", "#b5cf4e", "#9fb2c6"];
  const kShapes = ["circle", "triangle", "rect", "rectRot", "star", "cross"];

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  const colorOf = (i) => (isDark() ? kDark : kLight)[i % kLight.length];
  const shapeOf = (i) => kShapes[Math.floor(i / kLight.length) % kShapes.length];
  const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }
  function shown(value) {
    if (value === null || value === undefined) return "\u2013";
    const size = Math.abs(value);
    if (Number.isInteger(value)) return String(value);
    return size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
  }
  // Names differ at their ends as often as at their beginnings.
  function short(text, most) {
    if (text.length <= most) return text;
    const tail = Math.floor((most - 1) / 2);
    return text.slice(0, most - 1 - tail) + "\u2026" + text.slice(text.length - tail);
  }

  // ---- tables

  // Numbers before words; what is missing stays at the end in both directions.
  function compareCells(a, b, sign) {
    if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
    const x = Number(a), y = Number(b);
    if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x - y);
    return sign * a.localeCompare(b, "en", { numeric: true });
  }
  const keyOf = (cell) => cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();

  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row, index) => ({ row, index, key: keyOf(row.cells[column]) }));
        rows.sort((a, b) => compareCells(a.key, b.key, down ? -1 : 1) || a.index - b.index);
        rows.forEach((entry) => body.append(entry.row));
      });
    });
  }

  // ---- charts

  function draw(id, config, height) {
    const canvas = byId(id);
    if (!canvas) return;
    if (height) canvas.parentElement.style.height = height + "px";
    const old = Chart.getChart(canvas);
    if (old) old.destroy();
    const made = new Chart(canvas, config);
    if (!charts.includes(id)) charts.push(id);
    return made;
  }
  function show(id, visible) {
    const card = byId(id).closest(".card");
    card.hidden = !visible;
    return visible;
  }
  // A logarithmic axis says 1, 2 and 5 of each power of ten only.
  function logTick(value) {
    const digit = value / Math.pow(10, Math.floor(Math.log10(value) + 1e-9));
    return [1, 2, 5].some((round) => Math.abs(digit - round) < 1e-6) ? shown(value) : "";
  }
  function axis(title, more) {
    return Object.assign({ title: { display: true, text: title, color: cssColor("--dim") }, ticks: { color: cssColor("--dim") }, grid: { color: cssColor("--grid") } }, more);
  }
  function logAxis(title, more) {
    return axis(title, Object.assign({ type: "logarithmic", ticks: { color: cssColor("--dim"), callback: logTick, maxRotation: 0, autoSkip: false } }, more));
  }
  function base(x, y, more) {
    return Object.assign({
      animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
      scales: { x, y },
      plugins: { legend: { labels: { color: cssColor("--text"), boxWidth: 9, boxHeight: 7, usePointStyle: true } } },
    }, more);
  }
  function tooltip(options, label) {
    options.plugins.tooltip = { callbacks: { label, title: () => "" } };
    return options;
  }
  const line = (label, points, i, more) => Object.assign({
    label: short(label, 48), data: points.map(([x, y]) => ({ x, y })), showLine: true, borderColor: colorOf(i), backgroundColor: colorOf(i), borderWidth: 2,
    pointRadius: 0, pointHitRadius: 6, pointStyle: shapeOf(i), borderDash: i >= kLight.length ? [6, 3] : [],
  }, more);

  // Whiskers and the values of single sessions over horizontal bars.
  const whiskers = {
    id: "whiskers",
    afterDatasetsDraw(chart) {
      const set = chart.data.datasets[0];
      if (!set || !set.intervals) return;
      const { ctx, scales: { x } } = chart;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = cssColor("--text");
      ctx.lineWidth = 1.5;
      chart.getDatasetMeta(0).data.forEach((bar, i) => {
        const { interval, sessions } = set.intervals[i];
        if (interval) {
          const [from, to] = interval.map((value) => x.getPixelForValue(value));
          ctx.beginPath();
          ctx.moveTo(from, bar.y); ctx.lineTo(to, bar.y);
          for (const end of [from, to]) { ctx.moveTo(end, bar.y - 5); ctx.lineTo(end, bar.y + 5); }
          ctx.stroke();
        }
        if (sessions.length > 1) {
          for (const value of sessions) { ctx.beginPath(); ctx.arc(x.getPixelForValue(value), bar.y, 3, 0, 2 * Math.PI); ctx.fill(); }
        }
      });
      ctx.restore();
    },
  };

  // What a point of a chart of bars is: a row, or nothing.
  function drawMetric(rows) {
    const metric = data.metrics.find((m) => m.name === byId("metric").value);
    const of = (row) => (metric && row.metrics[metric.name] ? row.metrics[metric.name] : {});
    const kept = rows.filter((row) => of(row).value !== undefined);
    byId("metric-note").textContent = !metric ? "" : `${metric.name}, ${metric.better === "neither" ? "neither direction is better" : metric.better + " is better"}: ${metric.formula}.`;
    const sessions = kept.map((row) => (of(row).sessions || []).filter((v) => v !== null));
    const intervals = kept.map((row, i) => ({ sessions: sessions[i], interval: sessions[i].length > 1 ? [Math.min(...sessions[i]), Math.max(...sessions[i])] : of(row).interval || null }));
    const what = intervals.map(({ interval, sessions: s }, i) => (s.length > 1 ? `whisker: from the smallest to the largest of ${s.length} sessions (dots)`
      : interval ? "whisker: " + of(kept[i]).interval_is : "no interval: one value"));
    byId("metric-intervals").textContent = kept.length === 0 ? "Nothing was measured." : [...new Set(what)].join("; ") +
      (intervals.some(({ interval, sessions: s }) => interval && s.length <= 1) ? ". It says how steady this session was, not what another session would give." : ".");
    const options = tooltip(base(axis(metric ? `${metric.name} (${metric.unit})` : "", { beginAtZero: true }), axis("", { title: { display: false } })), (item) => {
      const { interval, sessions: s } = intervals[item.dataIndex];
      return [kept[item.dataIndex].label, `${shown(item.raw)} ${metric.unit}`, interval ? `from ${shown(interval[0])} to ${shown(interval[1])}` : "", s.length > 1 ? `sessions: ${s.map(shown).join(", ")}` : ""].filter(Boolean);
    });
    options.indexAxis = "y";
    options.plugins.legend.display = false;
    options.scales.y.ticks = { color: cssColor("--text"), callback: (value, i) => short(kept[i] ? kept[i].label : "", labelRoom()), autoSkip: false };
    draw("chart-metric", {
      type: "bar",
      data: { labels: kept.map((row) => row.label), datasets: [{ data: kept.map((row) => of(row).value), backgroundColor: kept.map((row) => colorOf(row.model_index) + "b0"), intervals, maxBarThickness: 30 }] },
      options, plugins: [whiskers],
    }, 70 + 42 * Math.max(1, kept.length));
  }
  const labelRoom = () => (window.innerWidth < 600 ? 16 : 44);

  function drawLatency(rows) {
    const kept = rows.filter((row) => row.gaps && row.gaps.length > 1);
    if (!show("chart-latency", kept.length > 0)) return;
    const all = kept.flatMap((row) => row.gaps.map(([ms]) => ms)).filter((ms) => ms > 0);
    const wide = all.length > 0 && Math.max(...all) > 20 * Math.min(...all);
    const title = "gap between two tokens (ms)";
    const sets = kept.map((row) => line(row.label, row.gaps.filter(([ms]) => !wide || ms > 0).map(([ms, share]) => [ms, 100 * share]), row.model_index));
    draw("chart-latency", { type: "scatter", data: { datasets: sets },
      options: tooltip(base(wide ? logAxis(title) : axis(title), axis("share of gaps at most this long (%)", { min: 0, max: 100 })),
        (item) => `${item.dataset.label}: ${shown(item.raw.y)} % within ${shown(item.raw.x)} ms`) });
  }

  function drawTokens(rows) {
    const kept = rows.filter((row) => row.tokens && row.tokens.length > 0);
    if (!show("chart-tokens", kept.length > 0)) return;
    draw("chart-tokens", { type: "scatter", data: { datasets: kept.map((row) => line(row.label, row.tokens, row.model_index)) },
      options: tooltip(base(axis("seconds after the request", { min: 0 }), axis("tokens written", { min: 0 })), (item) => `${item.dataset.label}: ${shown(item.raw.y)} tokens after ${shown(item.raw.x)} s`) });
  }

  function drawMemory() {
    if (!show("chart-memory", data.memory.length > 0)) return;
    const sets = data.memory.map((entry, i) => line(entry.label, entry.points.map(([s, bytes]) => [s, bytes / 1e9]), entry.model_index,
      entry.gpu ? { borderDash: [3, 3] } : {}));
    draw("chart-memory", { type: "scatter", data: { datasets: sets },
      options: tooltip(base(axis("seconds, 0 is the first request after loading"), axis("GB", { beginAtZero: true })), (item) => `${item.dataset.label}: ${shown(item.raw.y)} GB at ${shown(item.raw.x)} s`) });
  }

  function stacked(id, labels, parts, unit, most) {
    const options = tooltip(base(axis(unit, { stacked: true, beginAtZero: true, max: most }), axis("", { stacked: true, title: { display: false } })), (item) => `${labels[item.dataIndex]}: ${item.dataset.label} ${shown(item.raw)} ${unit}`);
    options.indexAxis = "y";
    options.scales.y.ticks = { color: cssColor("--text"), autoSkip: false, callback: (value, i) => short(labels[i] || "", labelRoom()) };
    draw(id, { type: "bar", data: { labels, datasets: parts.map((part, i) => ({ label: part.name, data: part.values, maxBarThickness: 30,
      backgroundColor: part.rest ? cssColor("--line") : colorOf(i) + "d0", pointStyle: "rect", borderWidth: 0 })) }, options }, 130 + 42 * labels.length);
  }

  function drawPhases(rows) {
    const kept = rows.filter((row) => row.phases);
    if (!show("chart-phases", kept.length > 0)) return;
    const names = Object.keys(kept[0].phases);
    stacked("chart-phases", kept.map((row) => row.label), names.map((name) => ({ name, rest: name === "not attributed", values: kept.map((row) => row.phases[name]) })), "ms");
  }

  function drawSteps(rows) {
    const kept = data.breakdowns.filter((b) => b.fused && b.steps.some((s) => s.ms !== null) && rows.some((row) => row.index === b.row));
    if (!show("chart-steps", kept.length > 0)) return;
    const names = [...new Set(kept.flatMap((b) => b.steps.map((s) => s.step)))];
    const share = (b, name) => b.steps.filter((s) => s.step === name).reduce((sum, s) => sum + (s.ms || 0), 0) / b.total_ms * 100;
    stacked("chart-steps", kept.map((b) => `${b.phase}: ${b.label}`), names.map((name) => ({ name, rest: name === "not attributed", values: kept.map((b) => share(b, name)) })), "% of the phase", 100);
  }

  // The phases of a row: by its own medians, else by the passes with each step timed.
  function rooflinePoints(row, breakdowns) {
    const points = [];
    for (const phase of ["prefill", "decode"]) {
      const bytes = row.metrics[`${phase}_gb_per_s`], flops = row.metrics[`${phase}_tflop_per_s`];
      const timed = breakdowns.find((b) => b.row === row.index && b.phase === phase);
      if (bytes && flops && bytes.value > 0) points.push({ phase, x: flops.value * 1e3 / bytes.value, y: flops.value });
      else if (timed) points.push({ phase, x: timed.flops / timed.bytes, y: timed.flops / timed.total_ms * 1e-9 });
    }
    return points;
  }

  function drawRoofline(rows) {
    const kept = data.breakdowns.filter((b) => b.fused && b.flops > 0 && b.bytes > 0 && b.total_ms > 0 && rows.some((row) => row.index === b.row));
    const read = Math.max(0, ...rows.map((row) => row.read_gbps || 0), ...kept.map((b) => b.read_gbps || 0));
    const peak = Math.max(0, ...rows.map((row) => row.matmul_tflops || 0), ...kept.map((b) => b.matmul_tflops || 0));
    const points = rows.flatMap((row) => rooflinePoints(row, kept).map((p) => ({ label: `${p.phase}: ${row.label}`, data: [{ x: p.x, y: p.y }], pointRadius: 7, pointHoverRadius: 9,
      pointStyle: p.phase === "decode" ? "circle" : "triangle", backgroundColor: colorOf(row.model_index), borderColor: colorOf(row.model_index) })));
    if (!show("chart-roofline", points.length > 0 && read > 0 && peak > 0)) return;
    const rate = (flops, ms) => flops / ms * 1e-9;
    const steps = kept.map((b) => ({ label: "", own: b, pointRadius: 3, backgroundColor: colorOf(b.model_index) + "70", borderWidth: 0,
      data: b.steps.filter((s) => s.ms > 0 && s.bytes > 0 && s.flops > 0).map((s) => ({ x: s.flops / s.bytes, y: rate(s.flops, s.ms), step: s.step })) }));
    const xs = [...points, ...steps].flatMap((set) => set.data.map((p) => p.x));
    const ridge = peak * 1e3 / read, from = Math.min(...xs, ridge) / 2, to = Math.max(...xs, ridge) * 3;
    const roof = line("limits measured on this machine", [[from, from * read * 1e-3], [ridge, peak], [to, peak]], 0, { borderColor: cssColor("--dim"), backgroundColor: cssColor("--dim"), borderDash: [], pointStyle: "line" });
    const options = tooltip(base(logAxis("operations per byte (FLOP/B)", { min: from, max: to }), logAxis("TFLOP/s")), (item) => `${item.raw.step ? item.raw.step + " of " : ""}${item.dataset.own ? item.dataset.own.phase + ": " + item.dataset.own.label : item.dataset.label}: ${shown(item.raw.y)} TFLOP/s at ${shown(item.raw.x)} FLOP/B`);
    options.plugins.legend.labels.filter = (item) => item.text !== "";
    byId("roofline-note").textContent = `Large points: a whole phase${kept.length > 0 ? "; small ones: its steps" : ""}. Limits measured on this machine: reading ${shown(read)} GB/s, products ${shown(peak)} TFLOP/s. What is read from a cache lies above the slope.`;
    draw("chart-roofline", { type: "scatter", data: { datasets: [roof, ...points, ...steps] }, options });
  }

  function drawQuality() {
    if (!byId("chart-quality")) return;
    const points = data.quality;
    const options = tooltip(base(axis("decode_tok_per_s, median over the prompts", { beginAtZero: true }), axis(points.length > 0 ? points[0].metric : "", { beginAtZero: true })), (item) => `${item.dataset.label}: ${shown(item.raw.y)} at ${shown(item.raw.x)} tok/s`);
    draw("chart-quality", { type: "scatter", data: { datasets: points.map((p) => ({ label: short(p.label, 48), data: [{ x: p.speed, y: p.quality }], pointRadius: 7, pointStyle: shapeOf(p.model_index), backgroundColor: colorOf(p.model_index), borderColor: colorOf(p.model_index) })) }, options });
  }

  function drawHistory() {
    const select = byId("series");
    if (!select) return;
    const series = data.history[Number(select.value)];
    const points = series.points.map(([, value], i) => [i + 1, value]);
    const changes = series.changes.map((i) => [i + 1, series.points[i][1]]);
    const options = tooltip(base(axis("nights, oldest first"), axis(series.unit)), (item) => `${series.points[item.raw.x - 1][0]}: ${shown(item.raw.y)} ${series.unit}${item.datasetIndex === 1 ? ", the level changes here" : ""}`);
    options.scales.x.ticks = { color: cssColor("--dim"), callback: (value) => (series.points[value - 1] ? series.points[value - 1][0].slice(0, 10) : "") };
    draw("chart-history", { type: "scatter", data: { datasets: [line(series.metric, points, 0, { pointRadius: 2.5 }),
      { label: "level changes", data: changes.map(([x, y]) => ({ x, y })), pointRadius: 8, pointStyle: "triangle", backgroundColor: colorOf(1), borderColor: colorOf(1) }] }, options });
  }

  // Of a comparison: how far each row has moved, in the colour of its verdict.
  function drawRatios() {
    const select = byId("ratio-metric");
    if (!select) return;
    const kept = data.ratios.filter((one) => one.metric === select.value);
    const colors = { better: "--good", worse: "--bad", same: "--dim" };
    const intervals = kept.map((one) => ({ sessions: [], interval: one.band === null ? null : [-one.band, one.band] }));
    byId("ratio-note").textContent = kept.length === 0 ? "" : `${select.value}: ${kept[0].better === "neither" ? "neither direction is better" : kept[0].better + " is better"}. Whisker: what may change without a verdict.`;
    const options = tooltip(base(axis("change (%)", { suggestedMin: -1, suggestedMax: 1 }), axis("", { title: { display: false } })), (item) => `${kept[item.dataIndex].label}: ${shown(item.raw)} %, ${kept[item.dataIndex].verdict}`);
    options.indexAxis = "y";
    options.plugins.legend.display = false;
    options.scales.y.ticks = { color: cssColor("--text"), callback: (value, i) => short(kept[i] ? kept[i].label : "", labelRoom()), autoSkip: false };
    draw("chart-ratios", { type: "bar", data: { labels: kept.map((one) => one.label), datasets: [{ data: kept.map((one) => one.change), backgroundColor: kept.map((one) => cssColor(colors[one.verdict] || "--warn")), intervals, maxBarThickness: 24 }] },
      options, plugins: [whiskers] }, 70 + 34 * Math.max(1, kept.length));
  }

  function filterRows(select) {
    for (const row of byId(select.dataset.table).tBodies[0].rows) row.hidden = select.value !== "" && row.dataset.verdict !== select.value;
  }

  // One row in full: every metric of the catalogue that it has, every statistic.
  function showRow() {
    const body = byId("row-table").tBodies[0];
    body.replaceChildren();
    const row = data.rows[Number(byId("row").value)];
    if (!row) return;
    for (const metric of data.metrics) {
      const values = row.metrics[metric.name];
      if (!values) continue;
      const tr = element("tr");
      const name = element("th");
      name.scope = "row";
      name.append(element("code", metric.name));
      tr.append(name, element("td", metric.unit), element("td", metric.better));
      for (const statistic of ["value", "min", "max", "mean", "stddev"]) tr.append(element("td", statistic in values ? shown(values[statistic]) : "", "n"));
      tr.append(element("td", (values.sessions || []).map(shown).join(" "), "n"), element("td", metric.formula, "text long note"));
      body.append(tr);
    }
  }

  function redraw() {
    if (byId("group")) {
      const group = data.groups[Number(byId("group").value)];
      const rows = group ? group.rows.map((i) => data.rows[i]) : [];
      drawMetric(rows); drawLatency(rows); drawTokens(rows); drawPhases(rows); drawSteps(rows); drawRoofline(rows); drawMemory(); drawQuality();
    }
    drawHistory();
    drawRatios();
  }

  document.querySelectorAll("table.sortable").forEach(makeSortable);
  for (const id of ["group", "metric", "series", "ratio-metric"]) if (byId(id)) byId(id).addEventListener("change", redraw);
  document.querySelectorAll("select.filter").forEach((select) => select.addEventListener("change", () => filterRows(select)));
  if (byId("row")) { byId("row").addEventListener("change", showRow); showRow(); }
  if (byId("all-columns")) byId("all-columns").addEventListener("change", (event) => byId("summary-table").classList.toggle("brief", !event.target.checked));
  byId("theme").addEventListener("click", () => { document.documentElement.dataset.theme = isDark() ? "light" : "dark"; redraw(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  redraw();
  document.documentElement.dataset.ready = "true";
})();
