import { Button, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { rotateSecret } from '@/api/commands';
import { toApiError } from '@/api/problem';
import type { CreatedStrategy, Strategy } from '@/api/types';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { CopyField } from '@/shared/ui/CopyField';
import styles from '../Setup.module.css';
import { MessageBuilder } from './MessageBuilder';

interface WebhookProps {
  strategy: Strategy | CreatedStrategy;
  onRotated: (strategy: CreatedStrategy) => void;
}

/** Where alerts go and what they must say. The secret is here only right after it was made. */
export function Webhook({ strategy, onRotated }: WebhookProps) {
  const secret = 'webhook_secret' in strategy ? strategy.webhook_secret : null;
  const [asking, setAsking] = useState(false);
  const rotate = useMutation({
    mutationFn: () => rotateSecret(strategy.id),
    onSuccess: (renewed) => {
      setAsking(false);
      onRotated(renewed);
    },
  });

  return (
    <Stack gap="lg">
      {secret !== null && (
        <Alert tone="warn">
          The secret is shown this once. Copy it, or the whole message below, before you close this.
        </Alert>
      )}
      <CopyField label="Webhook URL" value={strategy.webhook_url} testId="webhook-url" />
      {secret !== null ? (
        <CopyField label="Webhook secret" value={secret} testId="webhook-secret" />
      ) : (
        <div>
          <p className={styles.hint}>
            The secret was shown when it was made. If it is lost, make a new one; the old one is refused from
            then on.
          </p>
          <Button mt={8} variant="default" size="compact-md" onClick={() => setAsking(true)}>
            Make a new secret
          </Button>
        </div>
      )}
      <MessageBuilder symbol={strategy.symbols[0] ?? 'BTCUSDT'} secret={secret} />
      <p className={styles.hint}>
        In TradingView: create an alert, paste the message under “Message”, switch on “Webhook URL” under
        “Notifications” and paste the address. TradingView fills in what stands in double braces; the time
        lets a late alert be recognised.
      </p>
      <Confirm
        opened={asking}
        title="Make a new secret?"
        verb="Make a new secret"
        pending={rotate.isPending}
        error={rotate.error ? toApiError(rotate.error).message : undefined}
        onConfirm={() => rotate.mutate()}
        onClose={() => setAsking(false)}
      >
        Alerts that carry the old secret are refused from now on: change them in TradingView right after.
      </Confirm>
    </Stack>
  );
}
