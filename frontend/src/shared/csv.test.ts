import { describe, expect, it } from 'vitest';
import { type Column, toCsv } from './csv';

const columns: Column<{ name: string | null; pnl: string }>[] = [
  ['name', ({ name }) => name],
  ['pnl', ({ pnl }) => pnl],
];

describe('CSV', () => {
  it('quotes what needs it and leaves numbers as they are', () => {
    expect(
      toCsv(columns, [
        { name: 'BTC, "trend"', pnl: '-12.50' },
        { name: null, pnl: '3' },
      ]),
    ).toBe('name,pnl\r\n"BTC, ""trend""",-12.50\r\n,3\r\n');
  });

  it('runs nothing in a spreadsheet', () => {
    expect(toCsv(columns, [{ name: '=cmd|calc', pnl: '-1+1' }])).toContain("'=cmd|calc,'-1+1");
  });
});
