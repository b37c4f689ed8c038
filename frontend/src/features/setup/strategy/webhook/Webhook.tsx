import { SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import type { Account, CreatedStrategy, Strategy } from '@/api/types';
import styles from '@/features/setup/Setup.module.css';
import { Alert } from '@/shared/ui/Alert';
import { CopyField } from '@/shared/ui/CopyField';
import { Keys } from './Keys';
import { MessageBuilder } from './MessageBuilder';
import { PasteAndExplain } from './PasteAndExplain';
import { PolicyForm } from './PolicyForm';

const PARTS = [
  { value: 'message', label: 'Message' },
  { value: 'explain', label: 'Explain' },
  { value: 'rules', label: 'Rules' },
  { value: 'keys', label: 'Keys' },
];

interface WebhookProps {
  strategy: Strategy | CreatedStrategy;
  account: Account | undefined;
  onRotated: (strategy: CreatedStrategy) => void;
}

/** Where alerts go, what they must say, what they may ask for and who may send them. */
export function Webhook({ strategy, account, onRotated }: WebhookProps) {
  // The secret is here only right after it was made.
  const secret = 'webhook_secret' in strategy ? strategy.webhook_secret : null;
  const [part, setPart] = useState('message');

  return (
    <Stack gap="lg">
      {secret !== null && (
        <Alert tone="warn">
          The secret is shown this once. Copy it, or the whole message below, before you close this.
        </Alert>
      )}
      <CopyField label="Webhook URL" value={strategy.webhook_url} testId="webhook-url" />
      {secret !== null && <CopyField label="Webhook secret" value={secret} testId="webhook-secret" />}
      <SegmentedControl
        fullWidth
        aria-label="Part of the webhook"
        value={part}
        onChange={setPart}
        data={PARTS}
      />
      {part === 'message' && (
        <>
          <MessageBuilder strategy={strategy} account={account} secret={secret} />
          <p className={styles.hint}>
            In TradingView: create an alert, paste the message under “Message”, switch on “Webhook URL” under
            “Notifications” and paste the address. TradingView fills in what stands in double braces; the time
            lets a late alert be recognised.
          </p>
        </>
      )}
      {part === 'explain' && <PasteAndExplain strategy={strategy} />}
      {part === 'rules' && <PolicyForm strategy={strategy} />}
      {part === 'keys' && (
        <Keys
          strategy={strategy}
          onRotated={(renewed) => {
            setPart('message');
            onRotated(renewed);
          }}
        />
      )}
    </Stack>
  );
}
