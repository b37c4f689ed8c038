import { Button, Checkbox, Stack, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { toApiError } from '@/api/problem';
import type { Hook, Strategy } from '@/api/types';
import { useSubmit } from '@/api/useSubmit';
import { hookKey, hookQuery, setHookPolicy } from '@/api/webhooks';
import styles from '@/features/setup/Setup.module.css';
import { words } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { POLICY_FIELDS, type PolicyValues, toPolicy, validation, written } from './policy';
import own from './Webhook.module.css';

const ACTIONS = ['buy', 'sell', 'close', 'reverse', 'target'];
const SIDES = ['long', 'short'];

function Choices({ values, testId }: { values: readonly string[]; testId: string }) {
  return (
    <div className={own.choices}>
      {values.map((value) => (
        <Checkbox key={value} value={value} label={words(value)} data-testid={`${testId}-${value}`} />
      ))}
    </div>
  );
}

function Form({ strategy, hook }: { strategy: Strategy; hook: Hook }) {
  const queries = useQueryClient();
  const form = useForm<PolicyValues>({ initialValues: written(hook.policy), validate: validation });
  const { onSubmit, isPending, isSaved, message } = useSubmit({
    form,
    fields: POLICY_FIELDS,
    send: (values) => setHookPolicy(strategy.id, toPolicy(values)),
    onSaved: (saved) => {
      queries.setQueryData(hookKey(strategy.id), saved);
      form.setValues(written(saved.policy));
      form.resetDirty(written(saved.policy));
    },
  });
  return (
    <form onSubmit={onSubmit} noValidate>
      <Stack gap="md">
        <Alert tone="info">
          These hold whatever the message says and whoever has its secret. What leaves a position always
          passes.
        </Alert>
        {message && <Alert tone="danger">{message}</Alert>}
        <fieldset className={styles.group}>
          <legend>What it may ask for</legend>
          <TagsInput
            label="Symbols"
            description="Of the strategy's. Empty allows all of them."
            data={strategy.symbols}
            placeholder={form.values.symbols.length === 0 ? 'All' : undefined}
            splitChars={[',', ' ']}
            acceptValueOnBlur
            data-testid="policy-symbols"
            {...form.getInputProps('symbols')}
            onChange={(symbols) =>
              form.setFieldValue('symbols', [...new Set(symbols.map((symbol) => symbol.toUpperCase()))])
            }
          />
          <Checkbox.Group
            label="Actions"
            description="None ticked allows all."
            {...form.getInputProps('actions')}
          >
            <Choices values={ACTIONS} testId="policy-action" />
          </Checkbox.Group>
          <Checkbox.Group
            label="Sides it may open"
            description="None ticked allows both."
            {...form.getInputProps('sides')}
          >
            <Choices values={SIDES} testId="policy-side" />
          </Checkbox.Group>
          <TextInput
            label="Worth at most, USDT"
            description="Of an alert that names its own quantity."
            inputMode="decimal"
            placeholder="No limit"
            autoComplete="off"
            data-testid="policy-max_notional"
            {...form.getInputProps('max_notional')}
          />
          <div className={styles.two}>
            <TextInput
              label="Entries within 24 h at most"
              inputMode="numeric"
              placeholder="No limit"
              autoComplete="off"
              data-testid="policy-max_per_day"
              {...form.getInputProps('max_per_day')}
            />
            <TextInput
              label="Messages a minute at most"
              inputMode="numeric"
              autoComplete="off"
              data-testid="policy-max_per_minute"
              {...form.getInputProps('max_per_minute')}
            />
          </div>
          <TextInput
            type="datetime-local"
            label="Good until"
            description="In your time zone. Nothing is taken afterwards; empty is for ever."
            data-testid="policy-expires_at"
            {...form.getInputProps('expires_at')}
          />
        </fieldset>
        <fieldset className={styles.group}>
          <legend>Who may send</legend>
          <TagsInput
            label="Addresses"
            description="Networks like 203.0.113.0/24, or “tradingview” for its published addresses. Empty allows any."
            data={['tradingview']}
            placeholder={form.values.sources.length === 0 ? 'Any' : undefined}
            splitChars={[',', ' ']}
            acceptValueOnBlur
            data-testid="policy-sources"
            {...form.getInputProps('sources')}
          />
          <Checkbox
            label="Only with TradingView's client certificate"
            data-testid="policy-certificate"
            {...form.getInputProps('certificate', { type: 'checkbox' })}
          />
          <Checkbox
            label="Only signed messages"
            description={
              hook.has_signing_key
                ? 'The secret in a message does not do any more. TradingView cannot sign.'
                : 'Make a signing key first, under Keys.'
            }
            disabled={!hook.has_signing_key}
            data-testid="policy-signature"
            {...form.getInputProps('require_signature', { type: 'checkbox' })}
          />
        </fieldset>
        <Button type="submit" loading={isPending} disabled={!form.isDirty()} data-testid="policy-save">
          {isSaved && !form.isDirty() ? 'Saved' : 'Save rules'}
        </Button>
      </Stack>
    </form>
  );
}

/** The rules of a strategy's webhook. All are sent together. */
export function PolicyForm({ strategy }: { strategy: Strategy }) {
  const query = useQuery(hookQuery(strategy.id));
  if (query.data) return <Form strategy={strategy} hook={query.data} />;
  if (query.isError) {
    return (
      <Failure
        title="The rules could not be read"
        error={toApiError(query.error)}
        onRetry={() => query.refetch()}
      />
    );
  }
  return <LoadingRows rows={6} />;
}
