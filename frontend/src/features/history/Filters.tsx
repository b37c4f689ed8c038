import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { HistoryKind } from '@/api/history';
import type { Account, Strategy } from '@/api/types';
import { words } from '@/shared/format';
import styles from './History.module.css';
import { dayAgo, EXIT_REASONS, type HistorySearch } from './search';

interface FiltersProps {
  view: HistoryKind;
  search: HistorySearch;
  accounts: readonly Account[];
  strategies: readonly Strategy[];
  onChange: (change: { [Key in keyof HistorySearch]?: HistorySearch[Key] | undefined }) => void;
}

const TYPING_MS = 350;

/** A symbol, asked for once the typing stops. */
function SymbolFilter({ symbol, onChange }: { symbol: string; onChange: (symbol: string) => void }) {
  const [text, setText] = useState(symbol);
  useEffect(() => setText(symbol), [symbol]);
  useEffect(() => {
    if (text.trim().toUpperCase() === symbol) return;
    const waiting = setTimeout(() => onChange(text.trim().toUpperCase()), TYPING_MS);
    return () => clearTimeout(waiting);
  }, [text, symbol, onChange]);
  return (
    <TextInput
      label="Symbol"
      placeholder="All symbols"
      autoComplete="off"
      spellCheck={false}
      data-testid="filter-symbol"
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
  );
}

const PERIODS = [
  { value: '', label: 'All time' },
  { value: '0', label: 'Today' },
  { value: '6', label: 'Last 7 days' },
  { value: '29', label: 'Last 30 days' },
  { value: 'days', label: 'Days of my choice' },
];

function PeriodFilter({ search: { from, to }, onChange }: Pick<FiltersProps, 'search' | 'onChange'>) {
  const now = Date.now();
  const preset = PERIODS.find(({ value }) => value && from === dayAgo(Number(value), now))?.value;
  const [choosing, setChoosing] = useState(false);
  const own = choosing || to !== undefined || (from !== undefined && preset === undefined);
  return (
    <>
      <NativeSelect
        label="Period"
        data={PERIODS}
        data-testid="filter-period"
        value={own ? 'days' : (preset ?? '')}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setChoosing(value === 'days');
          if (value !== 'days') {
            onChange({ from: value ? dayAgo(Number(value), now) : undefined, to: undefined });
          }
        }}
      />
      {own && (
        <>
          <TextInput
            type="date"
            label="From"
            value={from ?? ''}
            onChange={(event) => onChange({ from: event.currentTarget.value || undefined })}
          />
          <TextInput
            type="date"
            label="To, counted in"
            value={to ?? ''}
            onChange={(event) => onChange({ to: event.currentTarget.value || undefined })}
          />
        </>
      )}
    </>
  );
}

/** Narrows the list; the address remembers it. */
export function Filters({ view, search, accounts, strategies, onChange }: FiltersProps) {
  const narrowed = Object.keys(search).some((key) => key !== 'view');
  const setSymbol = (symbol: string) => onChange({ symbol: symbol || undefined });
  return (
    <div className={styles.filters}>
      {accounts.length > 1 && (
        <NativeSelect
          label="Account"
          value={search.account ?? ''}
          onChange={(event) => onChange({ account: event.currentTarget.value || undefined })}
          data={[
            { value: '', label: 'All accounts' },
            ...accounts.map(({ id, label }) => ({ value: id, label })),
          ]}
        />
      )}
      <SymbolFilter symbol={search.symbol ?? ''} onChange={setSymbol} />
      <PeriodFilter search={search} onChange={onChange} />
      {view === 'trades' && (
        <>
          <NativeSelect
            label="Strategy"
            value={search.strategy ?? ''}
            onChange={(event) => onChange({ strategy: event.currentTarget.value || undefined })}
            data={[
              { value: '', label: 'All strategies' },
              ...strategies.map(({ id, name }) => ({ value: id, label: name })),
            ]}
          />
          <NativeSelect
            label="Closed by"
            data-testid="filter-exit"
            value={search.exit ?? ''}
            onChange={(event) => {
              const { value } = event.currentTarget;
              onChange({ exit: EXIT_REASONS.find((reason) => reason === value) });
            }}
            data={[
              { value: '', label: 'Any reason' },
              ...EXIT_REASONS.map((reason) => ({ value: reason, label: words(reason) })),
            ]}
          />
        </>
      )}
      {narrowed && (
        <Button
          variant="subtle"
          color="gray"
          onClick={() =>
            onChange({
              account: undefined,
              symbol: undefined,
              strategy: undefined,
              exit: undefined,
              from: undefined,
              to: undefined,
            })
          }
        >
          Clear
        </Button>
      )}
    </div>
  );
}
