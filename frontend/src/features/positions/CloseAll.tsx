import { Button, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { closePosition } from '@/api/commands';
import { toApiError } from '@/api/problem';
import { useLive } from '@/live/hooks';
import { live } from '@/live/store';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { Pnl } from '@/shared/ui/Pnl';
import { follow } from './follow';
import styles from './PositionDialog.module.css';

const WORD = 'CLOSE ALL';

/** Asks for every open position; says which were refused. Those already closing are left to it. */
async function closeAll(): Promise<void> {
  const { ids, positions } = live.getState();
  const refused: string[] = [];
  await Promise.all(
    ids.map(async (id) => {
      const position = positions[id];
      if (!position || position.status === 'closing') return;
      try {
        await closePosition(id, '100');
        follow('close', position, '100');
      } catch (thrown) {
        const error = toApiError(thrown);
        if (error.code !== 'position_closed') refused.push(`${position.symbol}: ${error.message}`);
      }
    }),
  );
  if (refused.length > 0) throw new Error(`Not closed. ${refused.join(' ')}`);
}

function CloseAllDialog({ onClose }: { onClose: () => void }) {
  const total = useLive((state) => state.total);
  const environments = useLive((state) =>
    [...new Set(state.ids.map((id) => state.environments[state.positions[id]?.account_id ?? '']))]
      .filter(Boolean)
      .join(' '),
  );
  const [typed, setTyped] = useState('');
  const send = useMutation({ mutationFn: closeAll, onSuccess: onClose });
  return (
    <Confirm
      opened
      title="Close all positions"
      verb={`Close ${total.open} at market`}
      danger
      disabled={total.open === 0 || typed.trim().toUpperCase() !== WORD}
      pending={send.isPending}
      error={send.error ? toApiError(send.error).message : undefined}
      testId="confirm-close-all"
      onConfirm={() => send.mutate()}
      onClose={onClose}
    >
      <Stack gap="md">
        <dl className={styles.facts}>
          <div>
            <dt>Positions</dt>
            <dd className={styles.tags}>
              <span className="num">{total.open}</span>
              {environments
                .split(' ')
                .map(
                  (environment) =>
                    environment && <EnvironmentTag key={environment} environment={environment} />,
                )}
            </dd>
          </div>
          <div>
            <dt>Estimated result</dt>
            <dd>
              <Pnl value={total.pnl} suffix=" USDT" stale={total.stale} /> <small>before fees</small>
            </dd>
          </div>
        </dl>
        <Alert tone="info">
          Strategies go on taking signals. To close everything and open nothing new, halt with “Close
          everything”.
        </Alert>
        <TextInput
          label={`Type ${WORD} to confirm`}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          data-testid="close-all-word"
        />
      </Stack>
    </Confirm>
  );
}

/** Closes every open position at market, after a typed word. */
export function CloseAll() {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <Button size="compact-md" variant="default" data-testid="close-all" onClick={() => setOpened(true)}>
        Close all
      </Button>
      {opened && <CloseAllDialog onClose={() => setOpened(false)} />}
    </>
  );
}
