// Reads TypeScript files through the compiler's API and prints what they hold as one JSON object. Nothing of the files is run.
//
// Usage: node typescript_facts.js TYPESCRIPT_JS ROOT AMBIENT_D_TS FILE...   (files relative to ROOT)
"use strict";
const fs = require("fs");
const path = require("path");
const ts = require(process.argv[2]);
const root = process.argv[3];
const ambient = process.argv[4];
const names = process.argv.slice(5);

const MARKER = /\b(TODO|FIXME|XXX)\b|\byour (code|logic|implementation)\b|\bimplement (this|me|it|the|here|your)\b|\b(rest|remainder) of (the |your )?(code|file|class|component|implementation)\b|\bremains? (the same|unchanged)\b|\bomitted\b|\bfor brevity\b|\bplaceholder (for|code|implementation)\b|^(\/\/|\/\*)\s*(\.\.\.|…)|\badd (your|more|the rest)\b|\b(goes|go) here\b/i;
// Modules that programs import; their types are not here, so what they give is not held against the answer.
const KNOWN = new Set(("react react-dom next vue svelte @angular/core express fastify koa axios lodash rxjs zod yup redux @reduxjs/toolkit react-redux zustand react-router react-router-dom " +
  "@tanstack/react-query swr formik react-hook-form @mui/material @testing-library/react @testing-library/user-event jest vitest mocha chai dotenv winston pino uuid ws socket.io typeorm prisma " +
  "@prisma/client mongoose pg mysql2 redis ioredis bcrypt jsonwebtoken commander yargs chalk dayjs date-fns moment immer clsx classnames styled-components @emotion/react node-fetch cross-fetch").split(" "));
const NODE = new Set(require("module").builtinModules);
// Diagnostics that say something about what is installed here, not about the answer: module without types, JSX without React's, node's globals.
const NOT_THE_ANSWERS = new Set([2307, 7016, 2792, 2580, 2591, 7026, 2503, 2875, 2686, 17004, 1259, 2582, 2593]);
const IO = /^(fs|fsp|promises)\.|^(readFile|writeFile|readFileSync|writeFileSync|appendFile|unlink|readdir|mkdir|stat|createReadStream)$/;
const NETWORK = /^(fetch|window\.fetch|globalThis\.fetch)$|^axios(\.|$)|^(http|https)\.(get|request)$/;
const PARSE = /^JSON\.parse$|^(atob|decodeURIComponent)$|^new URL$/;

const out = { files: [], functions: [], classes: [], findings: [], imports: [], risks: [], undefined: [], features: [], raises: [], diagnostics: [], tool: ts.version };
const fullNames = names.map((one) => path.join(root, one));
const options = { strict: true, noEmit: true, target: ts.ScriptTarget.ES2020, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.NodeJs, jsx: ts.JsxEmit.Preserve,
  lib: ["lib.es2021.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"], esModuleInterop: true, allowJs: true, checkJs: false, skipLibCheck: true, types: [], noImplicitReturns: true };
const program = ts.createProgram(fullNames.concat([ambient]), options);
const checker = program.getTypeChecker();

function lineOf(file, position) { return file.getLineAndCharacterOfPosition(position).line + 1; }
function textOf(node, file) { return node.getText(file).replace(/\s+/g, " ").slice(0, 80); }
function isFunction(node) {
  return ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isArrowFunction(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node) ||
    ts.isGetAccessorDeclaration(node) || ts.isSetAccessorDeclaration(node);
}
/** Functions that stand on their own: a callback without a name belongs to the function around it. */
function nameOf(node, file) {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (node.name) return node.name.getText(file);
  const parent = node.parent;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText(file);
  if (ts.isCallExpression(parent) && ts.isVariableDeclaration(parent.parent)) return parent.parent.name.getText(file);
  return ts.isExportAssignment(parent) ? "default" : "";
}
function ownVisit(node, visit) {
  ts.forEachChild(node, function each(child) {
    visit(child);
    if (!(isFunction(child) && nameOf(child, child.getSourceFile())) && !ts.isClassDeclaration(child)) ts.forEachChild(child, each);
  });
}
function complexityOf(node) {
  let total = 1;
  ownVisit(node, (one) => {
    if (ts.isIfStatement(one) || ts.isForStatement(one) || ts.isForInStatement(one) || ts.isForOfStatement(one) || ts.isWhileStatement(one) || ts.isDoStatement(one) ||
        ts.isCaseClause(one) || ts.isCatchClause(one) || ts.isConditionalExpression(one)) total++;
    else if (ts.isBinaryExpression(one) && [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken].includes(one.operatorToken.kind)) total++;
  });
  return total;
}
function bodyKind(node, file) {
  if (!node.body) return "ok";
  if (!ts.isBlock(node.body)) return "ok";
  const statements = node.body.statements;
  if (statements.length === 0) return ts.isConstructorDeclaration(node) || ts.isArrowFunction(node) || ts.isFunctionExpression(node) ? "ok" : "empty";
  if (statements.length === 1 && ts.isThrowStatement(statements[0]) && /not (yet )?implemented/i.test(statements[0].getText(file))) return "throws \"not implemented\"";
  return statements.length === 1 && ts.isReturnStatement(statements[0]) ? constantKind(node, statements[0].expression, file) : "ok";
}
/** A body that returns the same constant whatever it is given stands for one. */
function constantKind(node, value, file) {
  const given = node.parameters.some((one) => !one.name.getText(file).startsWith("_"));
  if (!given || (ts.isMethodDeclaration(node) && (node.parent.heritageClauses || []).length > 0)) return "ok";
  return isConstant(value) ? "the constant " + (value ? textOf(value, file).slice(0, 30) : "undefined") : "ok";
}
function isConstant(value) {
  if (!value) return true;
  if (ts.isParenthesizedExpression(value) || ts.isAsExpression(value)) return isConstant(value.expression);
  if (ts.isArrayLiteralExpression(value)) return value.elements.every(isConstant);
  if (ts.isObjectLiteralExpression(value)) return value.properties.every((one) => ts.isPropertyAssignment(one) && isConstant(one.initializer));
  if (ts.isIdentifier(value)) return value.text === "undefined";
  return ts.isLiteralExpression(value) || [ts.SyntaxKind.NullKeyword, ts.SyntaxKind.TrueKeyword, ts.SyntaxKind.FalseKeyword].includes(value.kind);
}
/** The comment right before; empty: none. */
function docOf(node, file) {
  let holder = node;
  while (holder.parent && !ts.isSourceFile(holder.parent) && !ts.isClassDeclaration(holder.parent) && !ts.isBlock(holder.parent) && !ts.isInterfaceDeclaration(holder.parent)) holder = holder.parent;
  const ranges = ts.getLeadingCommentRanges(file.text, holder.getFullStart()) || [];
  if (ranges.length === 0) return "";
  const last = ranges[ranges.length - 1];
  return lineOf(file, holder.getStart(file)) - lineOf(file, last.end) <= 1 ? file.text.slice(last.pos, last.end).slice(0, 300) : "";
}
function isPublic(node, file) {
  const flags = ts.getCombinedModifierFlags(node);
  if (flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) return false;
  return !nameOf(node, file).startsWith("_") && !nameOf(node, file).startsWith("#");
}
function isAny(type) { return (type.flags & ts.TypeFlags.Any) !== 0; }
/** A written `any` is a finding, and counted there: no slot. Without an annotation the compiler must find another type than `any`. */
function slotOf(annotation, type) {
  if (annotation) return /\bany\b/.test(annotation.getText()) ? [0, 0] : [1, 1];
  return [1, isAny(type) ? 0 : 1];
}

const callers = new Map(), mentions = new Map(), linesOf = new Map();
const risksFound = [];

function handledAt(node) {
  for (let child = node, parent = node.parent; parent; child = parent, parent = parent.parent) {
    if (ts.isTryStatement(parent) && parent.tryBlock === child && parent.catchClause && parent.catchClause.block.statements.length > 0) return lineOf(node.getSourceFile(), parent.getStart());
    if (ts.isPropertyAccessExpression(parent) && parent.expression === child && parent.name.text === "catch" && ts.isCallExpression(parent.parent)) return lineOf(node.getSourceFile(), parent.name.getStart());
    if (ts.isCallExpression(parent) && parent.expression === child && ts.isPropertyAccessExpression(child) && child.name.text === "then" && parent.arguments.length > 1) {
      return lineOf(node.getSourceFile(), child.name.getStart());
    }
    if (isFunction(parent) && nameOf(parent, parent.getSourceFile())) return 0;
  }
  return 0;
}
function enclosing(node) {
  for (let parent = node.parent; parent; parent = parent.parent) {
    if (isFunction(parent) && nameOf(parent, parent.getSourceFile())) return nameOf(parent, parent.getSourceFile());
  }
  return "";
}

function readFile(name) {
  const file = program.getSourceFile(path.join(root, name));
  const entry = { path: name, lines: 0, code_lines: 0, comment_lines: 0, loose_lines: 0, head_comment: false, is_test: /\.(test|spec)\.[jt]sx?$/.test(name), parse_error: null };
  out.files.push(entry);
  if (!file) { entry.parse_error = { line: 0, message: "the compiler does not read a file of this name" }; return; }
  const syntax = program.getSyntacticDiagnostics(file);
  if (syntax.length > 0) {
    entry.parse_error = { line: lineOf(file, syntax[0].start || 0), message: ts.flattenDiagnosticMessageText(syntax[0].messageText, " ").slice(0, 200) };
  }
  readLines(file, name, entry);
  if (syntax.length > 0) return;
  for (const one of program.getSemanticDiagnostics(file)) {
    const line = lineOf(file, one.start || 0);
    const message = ts.flattenDiagnosticMessageText(one.messageText, " ").slice(0, 200);
    if (NOT_THE_ANSWERS.has(one.code)) continue;
    if ([2304, 2552, 2305, 18004].includes(one.code)) out.undefined.push({ file: name, line, name: (/'([^']+)'/.exec(message) || ["", message])[1] });
    out.diagnostics.push({ file: name, line, code: "TS" + one.code, message });
  }
  let loose = new Set();
  for (const one of file.statements) {
    if (ts.isExpressionStatement(one) || ts.isIfStatement(one) || ts.isForStatement(one) || ts.isForOfStatement(one) || ts.isTryStatement(one)) {
      const text = one.getText(file);
      if (/^(describe|it|test)\(/.test(text)) { entry.has_tests = true; continue; }
      for (let line = lineOf(file, one.getStart(file)); line <= lineOf(file, one.end); line++) loose.add(line);
    }
  }
  entry.loose_lines = loose.size;
  visitNode(file, file, name, entry, "", false);
}

function readLines(file, name, entry) {
  const text = file.text;
  const comments = new Set(), code = new Set();
  const seen = new Set(), ranges = [];
  // Tokens come from the tree (a scanner alone does not know templates and JSX); comments are the trivia before and after them.
  const note = (range) => {
    if (seen.has(range.pos)) return;
    seen.add(range.pos);
    const body = text.slice(range.pos, range.end);
    ranges.push(range);
    for (let line = lineOf(file, range.pos); line <= lineOf(file, range.end); line++) comments.add(line);
    if (MARKER.test(body)) out.findings.push({ file: name, line: lineOf(file, range.pos), kind: "marker", text: body.replace(/\s+/g, " ").slice(0, 160) });
    if (/@ts-(ignore|nocheck)/.test(body)) out.findings.push({ file: name, line: lineOf(file, range.pos), kind: "any", text: "the compiler is silenced" });
  };
  (function tokens(node) {
    if (node.getChildCount(file) === 0 && node.kind !== ts.SyntaxKind.JsxText) {
      for (const range of ts.getLeadingCommentRanges(text, node.getFullStart()) || []) note(range);
      for (const range of ts.getTrailingCommentRanges(text, node.end) || []) note(range);
      if (node.end > node.getStart(file)) for (let line = lineOf(file, node.getStart(file)); line <= lineOf(file, node.end); line++) code.add(line);
    } else if (node.kind === ts.SyntaxKind.JsxText) {
      for (let line = lineOf(file, node.pos); line <= lineOf(file, node.end); line++) code.add(line);
    }
    node.getChildren(file).forEach((child) => { if (!ts.isJSDoc(child)) tokens(child); });
  })(file);
  entry.lines = text.length === 0 ? 0 : lineOf(file, text.length) - (text.endsWith("\n") ? 1 : 0);
  ranges.sort((a, b) => a.pos - b.pos);
  entry.code = ranges.map((one, index) => text.slice(index > 0 ? ranges[index - 1].end : 0, one.pos)).join(" ") + text.slice(ranges.length > 0 ? ranges[ranges.length - 1].end : 0);
  linesOf.set(name, { entry, code, comments });
  entry.code_lines = code.size;
  entry.comment_lines = comments.size;
  entry.head_comment = (ts.getLeadingCommentRanges(text, 0) || []).length > 0;
}

function visitNode(node, file, name, entry, owner, nested) {
  if (ts.isIdentifier(node)) mentions.set(node.text, (mentions.get(node.text) || 0) + 1);
  const line = lineOf(file, node.getStart(file));
  const find = (kind, text) => out.findings.push({ file: name, line, kind, text: text.slice(0, 160) });
  if (isFunction(node) && nameOf(node, file)) { addFunction(node, file, name, entry, owner, nested); nested = true; }
  else if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
    const isClass = ts.isClassDeclaration(node);
    if (isClass) {
      out.classes.push({ file: name, name: node.name ? node.name.text : "default", line, end_line: lineOf(file, node.end), is_test: entry.is_test, nested, public: true, bases: [], doc: docOf(node, file) });
      owner = node.name ? node.name.text : "default";
      if ((node.heritageClauses || []).some((one) => /\bextends \w*Error\b/.test(one.getText(file)))) out.features.push({ file: name, line, kind: "exceptions of its own", text: owner });
    } else out.features.push({ file: name, line, kind: "declared types", text: node.name.text });
  } else if (node.kind === ts.SyntaxKind.AnyKeyword) find("any", "any");
  else if (ts.isCatchClause(node) && node.block.statements.length === 0) find("swallowed", "an error is dropped without a word");
  else if (ts.isThrowStatement(node)) {
    if (node.expression && ts.isNewExpression(node.expression)) out.raises.push({ file: name, line, name: textOf(node.expression.expression, file) });
  }
  else if (ts.isNonNullExpression(node)) find("non_null", textOf(node, file) + " asserts that a value is there");
  else if (ts.isBinaryExpression(node) && [ts.SyntaxKind.EqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsToken].includes(node.operatorToken.kind) &&
           node.right.kind !== ts.SyntaxKind.NullKeyword) find("loose_equality", textOf(node, file) + " compares after conversion");
  else if (ts.isVariableDeclarationList(node) && !(node.flags & ts.NodeFlags.BlockScoped)) find("var", "var instead of let or const");
  else if (ts.isImportDeclaration(node)) readImport(node.moduleSpecifier.text, name, line);
  else if (ts.isCallExpression(node) || ts.isNewExpression(node)) readCall(node, file, name, line, find);
  ts.forEachChild(node, (child) => visitNode(child, file, name, entry, owner, nested));
}

function readImport(module, name, line) {
  const top = module.startsWith("@") ? module.split("/").slice(0, 2).join("/") : module.split("/")[0];
  let where = "unknown";
  if (module.startsWith(".")) {
    const base = path.join(path.dirname(name), module).replace(/\.(js|ts|tsx)$/, "");
    where = names.some((one) => [base, base + "/index"].includes(one.replace(/\.(d\.ts|tsx?|jsx?)$/, ""))) ? "answer" : /\.(css|scss|svg|png)$/.test(module) ? "known" : "unknown";
  } else if (NODE.has(module.replace(/^node:/, "")) || NODE.has(top)) where = "stdlib";
  else if (KNOWN.has(top)) where = "known";
  out.imports.push({ file: name, line, module, where });
}

function readCall(node, file, name, line, find) {
  const callee = (ts.isNewExpression(node) ? "new " : "") + textOf(node.expression, file).replace(/\?\./g, ".");
  const owner = enclosing(node);
  const known = callee.split(".").pop();
  if (!callers.has(known)) callers.set(known, []);
  callers.get(known).push({ inside: handledAt(node) > 0, owner });
  const kind = NETWORK.test(callee) ? "network" : IO.test(callee) ? "io" : PARSE.test(callee) ? "parse" : /\.json$/.test(callee) ? "parse" : "";
  if (kind) risksFound.push({ file: name, line, kind, what: callee + "()", handled: handledAt(node), function: owner });
  if (/^console\.log$/.test(callee) && owner) find("print", "console.log() in a function");
  if (callee === "eval" || callee === "new Function") find("eval", callee + "() runs text as code");
}

function addFunction(node, file, name, entry, owner, nested) {
  const signature = checker.getSignatureFromDeclaration(node);
  const found = (node.parameters || []).map((one) => slotOf(one.type, checker.getTypeAtLocation(one)));
  if (!ts.isConstructorDeclaration(node) && !ts.isSetAccessorDeclaration(node)) {
    found.push(slotOf(node.type, signature ? checker.getReturnTypeOfSignature(signature) : checker.getTypeAtLocation(node)));
  }
  const slots = found.reduce((sum, one) => sum + one[0], 0), typed = found.reduce((sum, one) => sum + one[1], 0);
  const line = lineOf(file, node.getStart(file)), end = lineOf(file, node.end);
  out.functions.push({ file: name, name: nameOf(node, file), owner, line, start: line, end_line: end, lines: end - line + 1, complexity: complexityOf(node), doc: docOf(node, file),
    public: isPublic(node, file), slots, typed, is_async: (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Async) !== 0, body: bodyKind(node, file), nested, is_test: entry.is_test,
    can_be_unused: !nested && !owner && ts.isExternalModule(file) && !(ts.getCombinedModifierFlags(ts.isVariableDeclaration(node.parent) ? node.parent : node) & ts.ModifierFlags.Export) });
}

/** Functions of a module that it neither exports nor names again. */
function markUnused() {
  for (const one of out.functions) {
    one.unused = one.can_be_unused && !one.is_test && one.name !== "default" && (mentions.get(one.name) || 0) < 2;
    delete one.can_be_unused;
    const { entry, code, comments } = linesOf.get(one.file);
    for (let line = one.start; one.unused && line <= one.end_line; line++) {
      entry.code_lines -= code.has(line) ? 1 : 0;
      entry.comment_lines -= comments.has(line) ? 1 : 0;
    }
  }
}

function settleRisks() {
  const handled = new Set();
  for (let round = 0; round < 4; round++) {
    for (const [name, sites] of callers) {
      if (sites.length > 0 && out.functions.some((one) => one.name === name) && sites.every((one) => one.inside || (one.owner && handled.has(one.owner)))) handled.add(name);
    }
  }
  for (const one of risksFound) {
    const why = one.handled ? `try or catch in line ${one.handled}` : handled.has(one.function) ? `callers of ${one.function}()` : "";
    out.risks.push({ file: one.file, line: one.line, kind: one.kind, what: one.what.slice(0, 80), handled: why !== "", why, function: one.function });
  }
}

names.forEach(readFile);
markUnused();
settleRisks();
// A lone surrogate is no JSON text.
process.stdout.write(JSON.stringify(out, (key, value) => (typeof value === "string" ? Buffer.from(value, "utf8").toString("utf8") : value)));
