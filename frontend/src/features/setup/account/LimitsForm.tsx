import { Button, Stack, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { setLimits } from '@/api/commands';
import { fieldErrors, toApiError } from '@/api/problem';
import { keys } from '@/api/queries';
import type { Account, AccountLimits } from '@/api/types';
import { parse } from '@/shared/decimal';
import { Alert } from '@/shared/ui/Alert';
import {
  type Window,
  WindowsFields,
  problem as windowsProblem,
  written as writtenWindows,
} from './WindowsFields';

/** Those that are one number. */
type Field = Exclude<keyof AccountLimits, 'symbols' | 'windows'>;
type Values = Record<Field, string> & { symbols: string[]; windows: Window[] };

const LIMITS: Record<Field, { label: string; hint: string; whole: boolean; most?: number }> = {
  daily_loss_pct: {
    label: 'Largest loss of a day, % of equity',
    hint: 'Of the equity at 00:00 UTC, open losses counted. When it is reached, entries halt until you resume.',
    whole: false,
    most: 100,
  },
  max_open_positions: { label: 'Open positions at most', hint: 'At the same time.', whole: true, most: 1000 },
  max_notional: {
    label: 'Open in all at most, USDT',
    hint: 'All positions of the account together.',
    whole: false,
  },
  max_position_notional: {
    label: 'One position at most, USDT',
    hint: 'With everything that is added to it.',
    whole: false,
  },
  max_leverage: { label: 'Leverage at most', hint: '', whole: false, most: 100 },
  max_orders_per_minute: { label: 'Entries a minute at most', hint: '', whole: true, most: 600 },
  max_orders_per_day: { label: 'Entries a day at most', hint: '', whole: true, most: 100_000 },
  cooldown_s: {
    label: 'Pause after a close, seconds',
    hint: 'How long a symbol takes no new entry after its position closed. Reversals do not wait.',
    whole: true,
    most: 604_800,
  },
};
const FIELDS = Object.keys(LIMITS) as Field[];

function problem(field: Field, text: string): string | null {
  const { whole, most } = LIMITS[field];
  if (!text.trim()) return null;
  const value = parse(text.trim());
  if (!value || value.units <= 0n || (whole && value.scale > 0)) {
    return whole ? 'A whole number above 0, or nothing.' : 'A number above 0, or nothing.';
  }
  return most !== undefined && Number(text) > most ? `At most ${most}.` : null;
}

/** What the API takes: nothing written is no limit. */
export function toLimits(values: Values): AccountLimits {
  const given = (field: Field) => values[field].trim() || null;
  const count = (field: Field) => (given(field) === null ? null : Number(values[field]));
  return {
    symbols: values.symbols.length > 0 ? values.symbols : null,
    daily_loss_pct: given('daily_loss_pct'),
    max_notional: given('max_notional'),
    max_position_notional: given('max_position_notional'),
    max_leverage: given('max_leverage'),
    max_open_positions: count('max_open_positions'),
    max_orders_per_minute: count('max_orders_per_minute'),
    max_orders_per_day: count('max_orders_per_day'),
    cooldown_s: count('cooldown_s'),
    windows: values.windows.length > 0 ? values.windows : null,
  };
}

const written = (limits: AccountLimits) =>
  ({
    ...Object.fromEntries(FIELDS.map((field) => [field, String(limits[field] ?? '')])),
    symbols: limits.symbols ?? [],
    windows: writtenWindows(limits.windows),
  }) as Values;

/** Messages of the API, which names a field `limits.max_notional`, by our own field names. */
function refusals(thrown: unknown): Partial<Record<string, string>> {
  const named = fieldErrors(
    toApiError(thrown),
    [...FIELDS, 'symbols', 'windows'].map((field) => `limits.${field}`),
  );
  return Object.fromEntries(
    Object.entries(named).map(([field, message]) => [field.replace('limits.', ''), message]),
  );
}

/** The rails around an account. All are sent together. */
export function LimitsForm({ account, onDone }: { account: Account; onDone: () => void }) {
  const queries = useQueryClient();
  const form = useForm<Values>({
    initialValues: written(account.limits),
    validate: {
      ...Object.fromEntries(FIELDS.map((field) => [field, (text: string) => problem(field, text)])),
      windows: windowsProblem,
    },
  });
  const save = useMutation({
    mutationFn: (values: Values) => setLimits(account.id, toLimits(values)),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: keys.accounts });
      onDone();
    },
    onError: (thrown) => form.setErrors(refusals(thrown)),
  });
  const failure = save.error && toApiError(save.error);
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
      <Stack gap="md">
        <Alert tone="info">
          Limits hold back entries only. Stops, targets and closes always go through. Empty is no limit.
        </Alert>
        {failure && <Alert tone="danger">{failure.message}</Alert>}
        {FIELDS.map((field) => (
          <TextInput
            key={field}
            label={LIMITS[field].label}
            description={LIMITS[field].hint || undefined}
            inputMode={LIMITS[field].whole ? 'numeric' : 'decimal'}
            placeholder="No limit"
            autoComplete="off"
            data-testid={`limit-${field}`}
            {...form.getInputProps(field)}
          />
        ))}
        <TagsInput
          label="Symbols that may be traded"
          description="Entries in any other symbol are refused. Empty allows all."
          placeholder={form.values.symbols.length === 0 ? 'All symbols' : undefined}
          splitChars={[',', ' ']}
          acceptValueOnBlur
          data-testid="limit-symbols"
          {...form.getInputProps('symbols')}
          onChange={(symbols) =>
            form.setFieldValue('symbols', [...new Set(symbols.map((symbol) => symbol.toUpperCase()))])
          }
        />
        <WindowsFields
          windows={form.values.windows}
          error={form.errors.windows}
          onChange={(windows) => form.setFieldValue('windows', windows)}
        />
        <Button type="submit" loading={save.isPending} disabled={!form.isDirty()} data-testid="limits-submit">
          Save limits
        </Button>
      </Stack>
    </form>
  );
}
