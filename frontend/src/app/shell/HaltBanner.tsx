import { Button, NativeSelect, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { resume } from '@/api/commands';
import { toApiError } from '@/api/problem';
import { accountsQuery, keys } from '@/api/queries';
import type { Account } from '@/api/types';
import { useLive, useServerNow } from '@/live/hooks';
import { duration, moment } from '@/shared/format';
import { Confirm } from '@/shared/ui/Confirm';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { HaltIcon } from '@/shared/ui/icons';
import { Ago } from '@/shared/ui/Time';
import { ask, asked, clearAsked, isDone } from './asked';
import styles from './Halt.module.css';
import { LEVELS } from './levels';

const ASK_AGAIN_MS = 2_000;
const PATIENCE_MS = 20_000;

interface ResumeDialogProps {
  halted: readonly Account[];
  total: number;
  onClose: () => void;
}

function ResumeDialog({ halted, total, onClose }: ResumeDialogProps) {
  const queries = useQueryClient();
  const [accountId, setAccountId] = useState('');
  const chosen = accountId ? halted.filter(({ id }) => id === accountId) : halted;
  const send = useMutation({
    mutationFn: async () => {
      // Resuming begins a new day's loss: accounts that are not halted are left alone.
      if (chosen.length > 1 && chosen.length === total) await resume(null);
      else for (const { id } of chosen) await resume(id);
    },
    onSuccess: () => {
      ask(
        null,
        chosen.map(({ id }) => id),
      );
      void queries.invalidateQueries({ queryKey: keys.accounts });
      onClose();
    },
  });
  return (
    <Confirm
      opened
      title="Resume trading"
      verb="Resume"
      danger={chosen.some(({ environment }) => environment === 'mainnet')}
      disabled={chosen.length === 0}
      pending={send.isPending}
      error={send.error ? toApiError(send.error).message : undefined}
      testId="confirm-resume"
      onConfirm={() => send.mutate()}
      onClose={onClose}
    >
      <Stack gap="md">
        {halted.length > 1 && (
          <NativeSelect
            label="Account"
            value={accountId}
            onChange={(event) => setAccountId(event.currentTarget.value)}
            data={[
              { value: '', label: `All ${halted.length} halted accounts` },
              ...halted.map(({ id, label, environment }) => ({
                value: id,
                label: `${label} — ${environment.toUpperCase()}`,
              })),
            ]}
          />
        )}
        <p className={styles.note}>
          New signals open positions again on {chosen.map(({ label }) => label).join(', ') || 'no account'}.
          If the daily loss limit stopped it, the loss counts anew from the present equity.
        </p>
      </Stack>
    </Confirm>
  );
}

function AskedLine({ accounts }: { accounts: readonly Account[] }) {
  const queries = useQueryClient();
  const waiting = useStore(asked, (state) => state.now);
  const now = useLive((state) => state.now);
  const done = waiting !== null && isDone(waiting, accounts);
  useEffect(() => {
    if (done) clearAsked();
  }, [done]);
  useEffect(() => {
    if (!waiting) return;
    const again = setInterval(
      () => void queries.invalidateQueries({ queryKey: keys.accounts }),
      ASK_AGAIN_MS,
    );
    return () => clearInterval(again);
  }, [waiting, queries]);
  if (!waiting || done) return null;
  const what = waiting.level === null ? 'to resume' : `to halt: ${LEVELS[waiting.level].name.toLowerCase()}`;
  const late = now - waiting.at > PATIENCE_MS;
  return (
    <div className={styles.asked} data-late={late || undefined} role="status" data-testid="halt-asked">
      <span>
        Asked {what}.{' '}
        {late
          ? `The engine has not confirmed it for ${duration(now - waiting.at)}; it is done as soon as the engine runs.`
          : 'Waiting for the engine to confirm.'}
      </span>
      {late && (
        <Button size="compact-sm" variant="default" onClick={clearAsked}>
          Dismiss
        </Button>
      )}
    </div>
  );
}

/** Which accounts do not trade, why and since when; on every page until they are resumed. */
export function HaltBanner() {
  const { data: accounts } = useQuery(accountsQuery);
  const now = useServerNow();
  const [resuming, setResuming] = useState(false);
  if (!accounts) return null;
  const halted = accounts.filter(({ halt }) => halt !== null);
  return (
    <>
      {halted.length > 0 && (
        <section className={styles.banner} aria-label="Trading is halted" data-testid="halt-banner">
          <HaltIcon size={22} />
          <div className={styles.body}>
            <strong className={styles.title}>Trading is halted</strong>
            <ul className={styles.list}>
              {halted.map(({ id, label, environment, halt }) =>
                halt === null ? null : (
                  <li key={id}>
                    <b>{label}</b> <EnvironmentTag environment={environment} />{' '}
                    <span>
                      <b>{LEVELS[halt.level].name}</b>: {halt.reason}. Since{' '}
                      <span className="num">{moment(halt.at)}</span> (<Ago at={halt.at} now={now} />)
                    </span>
                  </li>
                ),
              )}
            </ul>
            <span>Exits go through as always.</span>
          </div>
          <Button
            variant="white"
            color="red"
            className={styles.resume}
            onClick={() => setResuming(true)}
            data-testid="resume"
          >
            Resume…
          </Button>
        </section>
      )}
      <AskedLine accounts={accounts} />
      {resuming && (
        <ResumeDialog halted={halted} total={accounts.length} onClose={() => setResuming(false)} />
      )}
    </>
  );
}
