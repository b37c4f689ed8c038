import { Button, NativeSelect, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createAccount } from '@/api/commands';
import { keys } from '@/api/queries';
import type { NewAccount } from '@/api/types';
import { useSubmit } from '@/api/useSubmit';
import { Alert } from '@/shared/ui/Alert';

const ENVIRONMENTS: { value: NewAccount['environment']; label: string }[] = [
  { value: 'simulator', label: 'SIMULATOR — no exchange, no money' },
  { value: 'demo', label: 'DEMO — Bybit demo trading' },
  { value: 'testnet', label: 'TESTNET — Bybit testnet' },
  { value: 'mainnet', label: 'MAINNET — real money' },
];
const WORD = 'REAL MONEY';
const FIELDS = ['label', 'environment', 'api_key', 'api_secret'];

const required = (words: string, least: number) => (value: string) =>
  value.trim().length >= least ? null : words;

export function AccountForm({ onDone }: { onDone: () => void }) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState('');
  const form = useForm<NewAccount>({
    initialValues: { label: '', environment: 'simulator', api_key: '', api_secret: '' },
    validate: {
      label: required('Give it a name you will recognise.', 1),
      api_key: required('Paste the API key.', 4),
      api_secret: required('Paste the API secret.', 4),
    },
  });
  const { onSubmit, isPending, message } = useSubmit({
    form,
    fields: FIELDS,
    send: createAccount,
    onSaved: () => {
      void queries.invalidateQueries({ queryKey: keys.accounts });
      onDone();
    },
  });
  const real = form.values.environment === 'mainnet';

  return (
    <form onSubmit={onSubmit} noValidate>
      <Stack gap="md">
        {message && <Alert tone="danger">{message}</Alert>}
        <TextInput
          label="Name"
          placeholder="Main futures"
          data-testid="account-label"
          {...form.getInputProps('label')}
        />
        <NativeSelect
          label="Environment"
          data={ENVIRONMENTS}
          data-testid="account-environment"
          {...form.getInputProps('environment')}
        />
        {real && (
          <>
            <Alert tone="warn">
              Orders of this account trade real money. Try the same strategy in the simulator first.
            </Alert>
            <TextInput
              label={`Type ${WORD} to go on`}
              autoComplete="off"
              autoCapitalize="characters"
              spellCheck={false}
              value={typed}
              data-testid="account-word"
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
          </>
        )}
        <TextInput
          label="API key"
          autoComplete="off"
          spellCheck={false}
          data-testid="account-key"
          {...form.getInputProps('api_key')}
        />
        <PasswordInput
          label="API secret"
          description="Encrypted at once and never shown again, not even to you."
          autoComplete="off"
          data-testid="account-secret"
          visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the secret', tabIndex: 0 }}
          {...form.getInputProps('api_secret')}
        />
        <Alert tone="info">
          Give the key trading rights only. Keys that may withdraw or transfer are refused.
        </Alert>
        <Button
          type="submit"
          loading={isPending}
          disabled={real && typed.trim().toUpperCase() !== WORD}
          data-testid="account-submit"
        >
          Add account
        </Button>
      </Stack>
    </form>
  );
}
