import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { encode } from 'uqr';
import { useStore } from 'zustand';
import { toApiError } from '@/api/problem';
import { beginTotp, disableTotp, enableTotp, renewBackupCodes } from '@/api/security';
import { session } from '@/api/session';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { CopyField } from '@/shared/ui/CopyField';
import { Panel } from '@/shared/ui/Panel';
import { Tag } from '@/shared/ui/Tag';
import styles from './Security.module.css';

/** A QR code, drawn dark on light whatever the colour scheme: scanners want that. */
function QrCode({ text }: { text: string }) {
  const { data, size } = encode(text, { border: 2 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return (
    <svg
      viewBox={`0 0 ${size} ${size}`}
      className={styles.qr}
      role="img"
      aria-label="QR code for the authenticator"
    >
      <rect width={size} height={size} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}

function Codes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <Stack gap="md">
      <Alert tone="warn">
        These backup codes are shown this once. Each is good for one login, or to set a forgotten password
        anew. Keep them where your phone is not.
      </Alert>
      <CopyField label="Backup codes" value={codes.join('\n')} testId="backup-codes" />
      <Button onClick={onDone}>I have kept them</Button>
    </Stack>
  );
}

/** From a new secret to backup codes. */
function Setup({ onCodes, onCancel }: { onCodes: (codes: string[]) => void; onCancel: () => void }) {
  const [code, setCode] = useState('');
  const begin = useMutation({ mutationFn: beginTotp });
  const enable = useMutation({ mutationFn: () => enableTotp(code.trim()), onSuccess: onCodes });
  const error = begin.error ?? enable.error;
  if (!begin.data) {
    return (
      <Stack gap="md">
        <span>
          From then on each login, and whatever touches keys, asks for a code of an authenticator app on your
          phone.
        </span>
        {error && <Alert tone="danger">{toApiError(error).message}</Alert>}
        <Group>
          <Button loading={begin.isPending} onClick={() => begin.mutate()} data-testid="totp-begin">
            Set up an authenticator
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        enable.mutate();
      }}
    >
      <Stack gap="md">
        <span>Scan this with your authenticator, or type the secret into it.</span>
        <QrCode text={begin.data.uri} />
        <CopyField label="Secret" value={begin.data.secret} testId="totp-secret" />
        <TextInput
          label="Code it shows now"
          autoComplete="one-time-code"
          inputMode="numeric"
          value={code}
          data-testid="totp-code"
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {error && <Alert tone="danger">{toApiError(error).message}</Alert>}
        <Group>
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button
            type="submit"
            loading={enable.isPending}
            disabled={code.trim().length < 6}
            data-testid="totp-enable"
          >
            Switch it on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function SecondFactor() {
  const user = useStore(session, (state) => state.user);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [leaving, setLeaving] = useState(false);
  const renew = useMutation({ mutationFn: renewBackupCodes, onSuccess: setCodes });
  const disable = useMutation({ mutationFn: disableTotp, onSuccess: () => setLeaving(false) });
  const on = user?.second_factor ?? false;
  return (
    <Panel title="Second factor" aside={<Tag tone={on ? 'accent' : 'warn'}>{on ? 'On' : 'Off'}</Tag>}>
      <div className={styles.body}>
        {codes && <Codes codes={codes} onDone={() => setCodes(null)} />}
        {!codes && !on && <Setup key={attempt} onCodes={setCodes} onCancel={() => setAttempt(attempt + 1)} />}
        {!codes && on && (
          <Stack gap="md">
            <span>{user?.backup_codes_left} backup codes left. New ones make the old ones void.</span>
            {renew.error && <Alert tone="danger">{toApiError(renew.error).message}</Alert>}
            <Group>
              <Button variant="default" loading={renew.isPending} onClick={() => renew.mutate()}>
                New backup codes
              </Button>
              <Button variant="default" onClick={() => setLeaving(true)}>
                Switch it off
              </Button>
            </Group>
          </Stack>
        )}
      </div>
      <Confirm
        opened={leaving}
        title="Switch the second factor off?"
        verb="Switch it off"
        danger
        pending={disable.isPending}
        error={disable.error ? toApiError(disable.error).message : undefined}
        onConfirm={() => disable.mutate()}
        onClose={() => setLeaving(false)}
      >
        Whoever has your password can then log in and trade.
      </Confirm>
    </Panel>
  );
}
