import { ActionIcon, Button, NativeSelect, NumberInput, Stack, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { createStrategy } from '@/api/commands';
import { fieldErrors, toApiError } from '@/api/problem';
import { keys } from '@/api/queries';
import type { Account, CreatedStrategy, NewStrategy, OnOpposite, SizingMode } from '@/api/types';
import { parse } from '@/shared/decimal';
import { Alert } from '@/shared/ui/Alert';
import { PlusIcon, TrashIcon } from '@/shared/ui/icons';
import styles from './Setup.module.css';
import { SIZING } from './sizing';

interface Values {
  account_id: string;
  name: string;
  symbols: string[];
  sizing: { mode: SizingMode; value: string };
  leverage: string;
  max_age_s: number | string;
  on_opposite: OnOpposite;
  protection: { stop_loss: string; take_profit: { at: string; portion: string }[] };
}

const ON_OPPOSITE: { value: OnOpposite; label: string }[] = [
  { value: 'reverse', label: 'Reverse: close, then open the other side' },
  { value: 'close', label: 'Close only' },
  { value: 'ignore', label: 'Ignore it' },
];
const MARK = /^\d+(\.\d+)?\s*%?$/;
const SHARE = /^\d+(\.\d+)?\s*%$/;
const MAX_RUNGS = 10;
const FIELDS = [
  'account_id',
  'name',
  'symbols',
  'sizing.value',
  'sizing.mode',
  'sizing',
  'leverage',
  'max_age_s',
  'on_opposite',
  'protection.stop_loss',
];

const positive = (text: string) => (parse(text.trim())?.units ?? 0n) > 0n;

/** What the API takes: texts trimmed, nothing where there is no stop. */
export function toRequest(values: Values): NewStrategy {
  const { stop_loss, take_profit } = values.protection;
  return {
    ...values,
    name: values.name.trim(),
    sizing: { mode: values.sizing.mode, value: values.sizing.value.trim() },
    leverage: values.leverage.trim(),
    max_age_s: Number(values.max_age_s),
    protection: {
      stop_loss: stop_loss.trim() || null,
      take_profit: take_profit.map(({ at, portion }) => ({ at: at.trim(), portion: portion.trim() })),
    },
  };
}

/** The share of the position the ladder does not close yet: "50%". */
function remaining(rungs: Values['protection']['take_profit']): string {
  const used = rungs.reduce((sum, { portion }) => sum + Number.parseFloat(portion || '0'), 0);
  return `${Math.max(0, Math.round((100 - used) * 100) / 100)}%`;
}

interface StrategyFormProps {
  accounts: Account[];
  onCreated: (strategy: CreatedStrategy) => void;
}

export function StrategyForm({ accounts, onCreated }: StrategyFormProps) {
  const queries = useQueryClient();
  const form = useForm<Values>({
    initialValues: {
      account_id: accounts[0]?.id ?? '',
      name: '',
      symbols: [],
      sizing: { mode: 'quote', value: '100' },
      leverage: '1',
      max_age_s: 30,
      on_opposite: 'reverse',
      protection: { stop_loss: '1.5%', take_profit: [] },
    },
    validate: {
      name: (value) => (value.trim() ? null : 'Give it a name.'),
      symbols: (value) => (value.length > 0 ? null : 'Name at least one symbol, like BTCUSDT.'),
      sizing: { value: (value) => (positive(value) ? null : 'Enter a number above 0.') },
      leverage: (value) =>
        positive(value) && Number(value) >= 1 && Number(value) <= 100 ? null : 'From 1 to 100.',
      max_age_s: (value) => (Number(value) >= 1 && Number(value) <= 3600 ? null : 'From 1 to 3600 seconds.'),
      protection: {
        stop_loss: (value, { sizing }) => {
          if (!value.trim()) return sizing.mode === 'risk_pct' ? 'Sizing by risk needs a stop-loss.' : null;
          return MARK.test(value.trim()) ? null : 'A distance like 1.5% or a price like 64000.';
        },
        take_profit: {
          at: (value) => (MARK.test(value.trim()) ? null : 'Like 3% or 72000.'),
          portion: (value) => (SHARE.test(value.trim()) ? null : 'Like 50%.'),
        },
      },
    },
  });
  const submit = useMutation({
    mutationFn: (values: Values) => createStrategy(toRequest(values)),
    onSuccess: (created) => {
      void queries.invalidateQueries({ queryKey: keys.strategies });
      onCreated(created);
    },
    onError: (thrown) => form.setErrors(fieldErrors(toApiError(thrown), FIELDS)),
  });
  const failure = submit.error && toApiError(submit.error);
  const message = form.errors.form ?? (failure && failure.errors.length === 0 ? failure.message : null);
  const { sizing, protection } = form.values;
  const rungs = protection.take_profit;

  return (
    <form onSubmit={form.onSubmit((values) => submit.mutate(values))} noValidate>
      <Stack gap="md">
        {message && <Alert tone="danger">{message}</Alert>}
        <TextInput
          label="Name"
          placeholder="BTC trend 15m"
          data-testid="strategy-name"
          {...form.getInputProps('name')}
        />
        <NativeSelect
          label="Account"
          data={accounts.map(({ id, label, environment }) => ({
            value: id,
            label: `${label} · ${environment.toUpperCase()}`,
          }))}
          {...form.getInputProps('account_id')}
        />
        <TagsInput
          label="Symbols"
          description="Alerts for any other symbol are refused. Enter adds one."
          placeholder={form.values.symbols.length === 0 ? 'BTCUSDT, ETHUSDT' : undefined}
          splitChars={[',', ' ']}
          acceptValueOnBlur
          data-testid="strategy-symbols"
          {...form.getInputProps('symbols')}
          onChange={(symbols) =>
            form.setFieldValue('symbols', [...new Set(symbols.map((symbol) => symbol.toUpperCase()))])
          }
        />

        <fieldset className={styles.group}>
          <legend>Size</legend>
          <div className={styles.two}>
            <NativeSelect
              label="Sized by"
              data={Object.entries(SIZING).map(([value, { label }]) => ({ value, label }))}
              {...form.getInputProps('sizing.mode')}
            />
            <TextInput
              label={`Value, ${SIZING[sizing.mode].unit}`}
              inputMode="decimal"
              data-testid="strategy-size"
              {...form.getInputProps('sizing.value')}
            />
          </div>
          <p className={styles.hint}>{SIZING[sizing.mode].hint}</p>
          <div className={styles.two}>
            <TextInput
              label="Leverage, ×"
              inputMode="decimal"
              data-testid="strategy-leverage"
              {...form.getInputProps('leverage')}
            />
            <NumberInput
              label="Maximum alert age, s"
              min={1}
              max={3600}
              allowDecimal={false}
              {...form.getInputProps('max_age_s')}
            />
          </div>
          <NativeSelect
            label="When the opposite signal comes"
            data={ON_OPPOSITE}
            {...form.getInputProps('on_opposite')}
          />
        </fieldset>

        <fieldset className={styles.group}>
          <legend>Protection</legend>
          <TextInput
            label="Stop-loss"
            placeholder="1.5% or 64000"
            description="Distance from entry or a price. A second, slightly wider stop is kept at the exchange."
            data-testid="strategy-stop"
            {...form.getInputProps('protection.stop_loss')}
          />
          {!protection.stop_loss.trim() && (
            <Alert tone="warn">Without a stop-loss nothing limits what a position can lose.</Alert>
          )}
          <div className={styles.rungs}>
            {rungs.map((_, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a rung is its place in the ladder
              <div key={index} className={styles.rung}>
                <TextInput
                  label={`Target ${index + 1}`}
                  placeholder="3% or 72000"
                  {...form.getInputProps(`protection.take_profit.${index}.at`)}
                />
                <TextInput
                  label="Closes"
                  placeholder="50%"
                  {...form.getInputProps(`protection.take_profit.${index}.portion`)}
                />
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={36}
                  aria-label={`Remove target ${index + 1}`}
                  onClick={() => form.removeListItem('protection.take_profit', index)}
                >
                  <TrashIcon />
                </ActionIcon>
              </div>
            ))}
            <Button
              variant="default"
              size="compact-md"
              leftSection={<PlusIcon size={14} />}
              disabled={rungs.length >= MAX_RUNGS}
              onClick={() =>
                form.insertListItem('protection.take_profit', { at: '', portion: remaining(rungs) })
              }
            >
              Add a take-profit
            </Button>
          </div>
        </fieldset>

        <Button type="submit" loading={submit.isPending} data-testid="strategy-submit">
          Create strategy
        </Button>
      </Stack>
    </form>
  );
}
