import { Button, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { halt } from '@/api/commands';
import { toApiError } from '@/api/problem';
import { accountsQuery, keys } from '@/api/queries';
import type { HaltLevel } from '@/api/types';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { HaltIcon } from '@/shared/ui/icons';
import { ask } from './asked';
import styles from './Halt.module.css';
import { LEVEL_NAMES, LEVELS } from './levels';

const WORD = 'FLATTEN';

function HaltDialog({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const { data: accounts = [] } = useQuery(accountsQuery);
  const [level, setLevel] = useState<HaltLevel>('no_entries');
  const [accountId, setAccountId] = useState('');
  const [typed, setTyped] = useState('');
  const send = useMutation({
    mutationFn: () => halt(level, accountId || null),
    onSuccess: () => {
      ask(level, accountId ? [accountId] : accounts.map(({ id }) => id));
      void queries.invalidateQueries({ queryKey: keys.accounts });
      onClose();
    },
  });
  const flatten = level === 'flatten';
  const real = accounts.some(
    ({ id, environment }) => environment === 'mainnet' && (!accountId || id === accountId),
  );

  return (
    <Confirm
      opened
      title="Halt trading"
      verb={LEVELS[level].verb}
      danger={flatten}
      disabled={accounts.length === 0 || (flatten && typed.trim() !== WORD)}
      pending={send.isPending}
      error={send.error ? toApiError(send.error).message : undefined}
      testId="confirm-halt"
      onConfirm={() => send.mutate()}
      onClose={onClose}
    >
      <Stack gap="md">
        <fieldset className={styles.levels}>
          <legend className={styles.legend}>What may still happen</legend>
          {LEVEL_NAMES.map((name) => (
            <label key={name} className={styles.level} data-chosen={name === level || undefined}>
              <input
                type="radio"
                name="halt-level"
                value={name}
                checked={name === level}
                onChange={() => setLevel(name)}
                data-testid={`halt-${name}`}
              />
              <span>
                <b>{LEVELS[name].name}</b>
                <span className={styles.does}>{LEVELS[name].does}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {accounts.length > 1 && (
          <NativeSelect
            label="Account"
            value={accountId}
            onChange={(event) => setAccountId(event.currentTarget.value)}
            data={[
              { value: '', label: `All ${accounts.length} accounts` },
              ...accounts.map(({ id, label, environment }) => ({
                value: id,
                label: `${label} — ${environment.toUpperCase()}`,
              })),
            ]}
            data-testid="halt-account"
          />
        )}
        <Alert tone="info">
          Exits always go through: stops, take-profits and your own closes work on every level. It lasts, over
          restarts too, until you resume.
        </Alert>
        {flatten && (
          <TextInput
            label={`Type ${WORD} to close ${real ? 'real positions' : 'every position'} at market`}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            data-testid="halt-word"
          />
        )}
        {accounts.length === 0 && <Alert tone="warn">There is no account to halt.</Alert>}
      </Stack>
    </Confirm>
  );
}

/** Stops trading, from every page. */
export function HaltButton() {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <Button
        size="compact-md"
        variant="light"
        color="red"
        className={styles.button}
        aria-label="Halt trading"
        data-testid="halt"
        onClick={() => setOpened(true)}
      >
        <HaltIcon size={16} />
        <span className={styles.buttonWords}>Halt</span>
      </Button>
      {opened && <HaltDialog onClose={() => setOpened(false)} />}
    </>
  );
}
