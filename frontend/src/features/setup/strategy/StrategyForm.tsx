import { Button, NativeSelect, Stack, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { changeStrategy, createStrategy } from '@/api/commands';
import { keys } from '@/api/queries';
import type { Account, CreatedStrategy, Strategy } from '@/api/types';
import { useSubmit } from '@/api/useSubmit';
import { Alert } from '@/shared/ui/Alert';
import { EntryFields, SizeFields } from './EntryFields';
import { ProtectionFields } from './ProtectionFields';
import { FIELDS, newValues, toChange, toRequest, type Values, validation, valuesOf } from './values';

interface StrategyFormProps {
  accounts: Account[];
  /** The strategy to change; without one, a new one is made. */
  strategy?: Strategy;
  onSaved: (strategy: Strategy | CreatedStrategy) => void;
}

export function StrategyForm({ accounts, strategy, onSaved }: StrategyFormProps) {
  const queries = useQueryClient();
  const form = useForm<Values>({
    initialValues: strategy ? valuesOf(strategy) : newValues(accounts[0]?.id ?? ''),
    validate: validation,
  });
  const { onSubmit, isPending, message } = useSubmit({
    form,
    fields: FIELDS,
    send: (values): Promise<Strategy | CreatedStrategy> =>
      strategy ? changeStrategy(strategy.id, toChange(values)) : createStrategy(toRequest(values)),
    onSaved: (saved) => {
      void queries.invalidateQueries({ queryKey: keys.strategies });
      onSaved(saved);
    },
  });

  return (
    <form onSubmit={onSubmit} noValidate>
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
          disabled={strategy !== undefined}
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
        <SizeFields form={form} />
        <EntryFields form={form} />
        <ProtectionFields form={form} />
        {strategy && (
          <Alert tone="info">Positions that are open keep their levels; change those in the positions.</Alert>
        )}
        <Button
          type="submit"
          loading={isPending}
          disabled={strategy !== undefined && !form.isDirty()}
          data-testid="strategy-submit"
        >
          {strategy ? 'Save changes' : 'Create strategy'}
        </Button>
      </Stack>
    </form>
  );
}
