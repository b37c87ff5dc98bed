/** What is wrong with a CSV text, and in which of its lines (from 1). */
export class CsvError extends Error {
  constructor(message: string, readonly line: number) {
    super(`line ${line}: ${message}`);
    this.name = "CsvError";
  }
}

/** Reads one text from start to end; a row at a time. */
class Reader {
  private at = 0;
  line = 1;

  constructor(private readonly text: string, private readonly separator: string) {}

  get done(): boolean {
    return this.at >= this.text.length;
  }

  row(): string[] {
    const fields = [this.field()];
    while (this.text[this.at] === this.separator) {
      this.at++;
      fields.push(this.field());
    }
    this.at += this.lineEndLength();
    this.line++;
    return fields;
  }

  /** Characters of the line end at the current place: 0 when there is none. */
  private lineEndLength(): number {
    if (this.text[this.at] === "\n") return 1;
    return this.text.startsWith("\r\n", this.at) ? 2 : 0;
  }

  private atFieldEnd(): boolean {
    return this.done || this.text[this.at] === this.separator || this.lineEndLength() > 0;
  }

  private field(): string {
    if (this.text[this.at] === '"') return this.quoted();
    const start = this.at;
    while (!this.atFieldEnd()) {
      if (this.text[this.at] === '"') throw new CsvError("a quote inside an unquoted field", this.line);
      this.at++;
    }
    return this.text.slice(start, this.at);
  }

  private quoted(): string {
    const opened = this.line;
    let value = "";
    this.at++;
    for (;;) {
      if (this.done) throw new CsvError("this quote is never closed", opened);
      const char = this.text[this.at++];
      if (char === '"') {
        if (this.text[this.at] !== '"') break;
        this.at++;
      }
      if (char === "\n") this.line++;
      value += char;
    }
    if (!this.atFieldEnd()) throw new CsvError("text after a closing quote", this.line);
    return value;
  }
}

interface Row {
  line: number;
  fields: string[];
}

function readRows(text: string, separator: string): Row[] {
  const reader = new Reader(text, separator);
  const rows: Row[] = [];
  while (!reader.done) {
    const row = { line: reader.line, fields: reader.row() };
    if (row.fields.length > 1 || row.fields[0] !== "") rows.push(row);
  }
  return rows;
}

/** Rows of fields. Throws CsvError when the quoting is malformed. */
export function parseCsv(text: string, separator = ","): string[][] {
  return readRows(text, separator).map((row) => row.fields);
}

/** One object per row after the first, which names the columns. */
export function toRecords(text: string, separator = ","): Record<string, string>[] {
  const [header, ...rows] = readRows(text, separator);
  if (header === undefined) return [];
  const names = header.fields;
  if (new Set(names).size !== names.length) throw new CsvError("a column name occurs twice", header.line);
  return rows.map(({ line, fields }) => {
    if (fields.length !== names.length) throw new CsvError(`${fields.length} fields instead of ${names.length}`, line);
    return Object.fromEntries(names.map((name, column) => [name, fields[column]]));
  });
}

/** The line of the first error, or null for a well formed text. */
export function firstBadLine(text: string, separator = ","): number | null {
  try {
    parseCsv(text, separator);
    return null;
  } catch (error) {
    if (error instanceof CsvError) return error.line;
    throw error;
  }
}
