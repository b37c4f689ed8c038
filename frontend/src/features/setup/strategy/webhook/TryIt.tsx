import { Button, Group, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { toApiError } from '@/api/problem';
import type { Account, Strategy } from '@/api/types';
import { sendAlert, tryMessage } from '@/api/webhooks';
import { PreflightView } from '@/entities/preflight/PreflightView';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { Explained } from './Explained';

const WORD = 'REAL MONEY';

interface TryItProps {
  strategy: Strategy;
  account: Account | undefined;
  /** The message as it would arrive, with this secret in it. */
  messageWith: (secret: string) => string;
  /** Known only right after it was made. */
  secret: string | null;
}

/** What the message would do now, told by the engine; then, if wished, the message itself, sent to the webhook. */
export function TryIt({ strategy, account, messageWith, secret }: TryItProps) {
  const [asking, setAsking] = useState(false);
  const [given, setGiven] = useState('');
  const [typed, setTyped] = useState('');
  const tried = useMutation({ mutationFn: () => tryMessage(strategy.id, messageWith('a-secret')) });
  const send = useMutation({
    mutationFn: () => sendAlert(strategy.webhook_url, messageWith(secret ?? given.trim())),
    onSuccess: () => setAsking(false),
  });
  const real = account?.environment === 'mainnet';
  const ready = (secret !== null || given.trim() !== '') && (!real || typed.trim().toUpperCase() === WORD);

  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Button
          size="compact-md"
          variant="default"
          loading={tried.isPending}
          onClick={() => tried.mutate()}
          data-testid="try-message"
        >
          What would it do now?
        </Button>
        <Button
          size="compact-md"
          variant="default"
          onClick={() => {
            send.reset();
            setTyped('');
            setAsking(true);
          }}
          data-testid="send-test"
        >
          Send it now…
        </Button>
      </Group>
      {tried.error && <Alert tone="danger">{toApiError(tried.error).message}</Alert>}
      {tried.data?.preflight && <PreflightView preflight={tried.data.preflight} />}
      {tried.data?.failure && <Alert tone="danger">{tried.data.failure.message}</Alert>}
      {tried.data && !tried.data.explanation.accepted && <Explained explanation={tried.data.explanation} />}
      {send.data && (
        <Alert tone="info">
          The webhook took it.{' '}
          <Link to="/signals" search={{ id: send.data }}>
            See what became of it
          </Link>
        </Alert>
      )}
      <Confirm
        opened={asking}
        title="Send this message to the webhook?"
        verb="Send it"
        danger={real}
        disabled={!ready}
        pending={send.isPending}
        error={send.error ? toApiError(send.error).message : undefined}
        testId="confirm-send-test"
        onConfirm={() => send.mutate()}
        onClose={() => setAsking(false)}
      >
        <span>
          It is acted on like any alert, on {account?.label ?? 'its account'} (
          {(account?.environment ?? 'unknown').toUpperCase()}).
        </span>
        {secret === null && (
          <PasswordInput
            label="Webhook secret"
            description="We keep no readable copy of it: paste it from your alert."
            autoComplete="off"
            value={given}
            data-testid="send-secret"
            visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the secret', tabIndex: 0 }}
            onChange={(event) => setGiven(event.currentTarget.value)}
          />
        )}
        {real && (
          <TextInput
            label={`Type ${WORD} to go on`}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            data-testid="send-word"
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
      </Confirm>
    </Stack>
  );
}
