import { SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Account, Strategy } from '@/api/types';
import styles from '@/features/setup/Setup.module.css';
import { useLive } from '@/live/hooks';
import { Alert } from '@/shared/ui/Alert';
import { CopyField } from '@/shared/ui/CopyField';
import {
  ALERT_KINDS,
  type AlertKind,
  alertMessage,
  type Extras,
  NO_EXTRAS,
  opens,
  preview,
  SECRET_PLACEHOLDER,
  samplesFor,
} from './alertMessage';
import { TryIt } from './TryIt';

const EXTRAS: Record<keyof Extras, { label: string; placeholder: string }> = {
  qty: { label: 'Quantity', placeholder: '0.01 or {{strategy.order.contracts}}' },
  stop_loss: { label: 'Stop-loss', placeholder: '1.5% or 64000' },
  take_profit: { label: 'Take-profit', placeholder: '3% or 72000' },
  trailing: { label: 'Trailing', placeholder: '0.8%' },
};

interface MessageBuilderProps {
  strategy: Strategy;
  account: Account | undefined;
  secret: string | null;
}

/** Writes the message of a TradingView alert, and shows what would arrive when it fires. */
export function MessageBuilder({ strategy, account, secret }: MessageBuilderProps) {
  const [kind, setKind] = useState<AlertKind>('buy');
  const [extras, setExtras] = useState(NO_EXTRAS);
  const now = useLive((state) => state.now);
  const message = alertMessage(kind, secret ?? SECRET_PLACEHOLDER, extras);
  const samples = samplesFor(strategy.symbols[0] ?? 'BTCUSDT', now);
  const arriving = (carried: string) => preview(alertMessage(kind, carried, extras), samples);
  const { text, unknown } = arriving('•••');

  return (
    <Stack gap="sm">
      <SegmentedControl
        fullWidth
        aria-label="Kind of alert"
        value={kind}
        onChange={(value) => setKind(value as AlertKind)}
        data={Object.entries(ALERT_KINDS).map(([value, { label }]) => ({ value, label }))}
      />
      <p className={styles.hint}>{ALERT_KINDS[kind].hint}</p>
      {opens(kind) && (
        <details className={styles.more}>
          <summary>Differently from the strategy, for this alert only</summary>
          <div className={styles.two}>
            {(Object.keys(EXTRAS) as (keyof Extras)[]).map((name) => (
              <TextInput
                key={name}
                label={EXTRAS[name].label}
                placeholder={EXTRAS[name].placeholder}
                autoComplete="off"
                data-testid={`alert-${name}`}
                value={extras[name]}
                onChange={(event) => {
                  const { value } = event.currentTarget;
                  setExtras((before) => ({ ...before, [name]: value }));
                }}
              />
            ))}
          </div>
        </details>
      )}
      <CopyField label="Alert message" value={message} testId="alert-message" />
      <figure className={styles.preview}>
        <figcaption>What arrives when it fires, for example</figcaption>
        <pre data-testid="alert-preview">{text}</pre>
      </figure>
      {unknown.length > 0 && (
        <Alert tone="warn">
          TradingView has no {unknown.join(', ')} that we know of: it would arrive as it is written.
        </Alert>
      )}
      <TryIt
        key={kind}
        strategy={strategy}
        account={account}
        secret={secret}
        messageWith={(carried) => arriving(carried).text}
      />
    </Stack>
  );
}
