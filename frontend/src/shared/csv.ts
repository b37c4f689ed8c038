/** A column: its heading and the text of a cell; null is an empty cell. */
export type Column<Row> = readonly [heading: string, cell: (row: Row) => string | null];

const NUMBER = /^-?\d+(\.\d+)?$/;

/** RFC 4180; a text a spreadsheet would run as a formula is made harmless. */
function quoted(text: string | null): string {
  if (text === null) return '';
  const safe = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(([heading]) => quoted(heading)),
    ...rows.map((row) => columns.map(([, cell]) => quoted(cell(row)))),
  ];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

/** Hands a text to the browser as a file to keep. */
export function download(name: string, text: string, type = 'text/csv;charset=utf-8'): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
