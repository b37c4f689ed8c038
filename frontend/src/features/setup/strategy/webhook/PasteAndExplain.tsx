import { Button, Group, Stack, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toApiError } from '@/api/problem';
import type { Strategy } from '@/api/types';
import { tryMessage } from '@/api/webhooks';
import { PreflightView } from '@/entities/preflight/PreflightView';
import styles from '@/features/setup/Setup.module.css';
import { live } from '@/live/store';
import { Alert } from '@/shared/ui/Alert';
import { preview, samplesFor } from './alertMessage';
import { Explained } from './Explained';

/** A message made for this or another service: what we understand by it, and what it would do now. */
export function PasteAndExplain({ strategy }: { strategy: Strategy }) {
  const [message, setMessage] = useState('');
  const explain = useMutation({
    mutationFn: (pasted: string) => {
      const samples = samplesFor(strategy.symbols[0] ?? 'BTCUSDT', live.getState().now);
      return tryMessage(strategy.id, preview(pasted, samples).text);
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        explain.mutate(message);
      }}
    >
      <Stack gap="sm">
        <p className={styles.hint}>
          Messages of 3Commas, Altrady, Finandy, OctoBot, PickMyTrade, TradersPost and WunderTrading are
          understood as they are. Placeholders are filled in with examples here. Nothing is sent.
        </p>
        <Textarea
          label="Message"
          rows={8}
          autoComplete="off"
          spellCheck={false}
          placeholder={'{"action": "buy", "symbol": "{{ticker}}"}'}
          value={message}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
          data-testid="paste-message"
          onChange={(event) => {
            setMessage(event.currentTarget.value);
            explain.reset();
          }}
        />
        <Group>
          <Button
            type="submit"
            disabled={message.trim() === ''}
            loading={explain.isPending}
            data-testid="explain-message"
          >
            Explain it
          </Button>
        </Group>
        {explain.error && <Alert tone="danger">{toApiError(explain.error).message}</Alert>}
        {explain.data && <Explained explanation={explain.data.explanation} />}
        {explain.data?.failure && <Alert tone="danger">{explain.data.failure.message}</Alert>}
        {explain.data?.preflight && <PreflightView preflight={explain.data.preflight} />}
      </Stack>
    </form>
  );
}
