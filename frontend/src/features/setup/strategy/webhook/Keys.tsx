import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toApiError } from '@/api/problem';
import type { CreatedStrategy, Strategy } from '@/api/types';
import { hookKey, hookQuery, makeSigningKey, rotateSecret } from '@/api/webhooks';
import styles from '@/features/setup/Setup.module.css';
import { moment } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { CopyField } from '@/shared/ui/CopyField';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';

const OVERLAPS = [
  { value: '0', label: 'The old one is refused at once' },
  { value: '600', label: 'The old one works for 10 minutes more' },
  { value: '3600', label: 'The old one works for an hour more' },
  { value: '86400', label: 'The old one works for a day more' },
];

const SIGNING = `X-Backstop-Timestamp: <UTC seconds>
X-Backstop-Signature: hex(HMAC-SHA256(key, "<timestamp>.<body>"))`;

interface KeysProps {
  strategy: Strategy;
  onRotated: (strategy: CreatedStrategy) => void;
}

function Secret({ strategy, onRotated }: KeysProps) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [overlap, setOverlap] = useState('3600');
  const rotate = useMutation({
    mutationFn: () => rotateSecret(strategy.id, Number(overlap)),
    onSuccess: (renewed) => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: hookKey(strategy.id) });
      onRotated(renewed);
    },
  });
  return (
    <fieldset className={styles.group}>
      <legend>Secret</legend>
      <p className={styles.hint}>
        It was shown when it was made; we keep no readable copy. If it is lost or known to others, make a new
        one.
      </p>
      <Group>
        <Button
          variant="default"
          size="compact-md"
          data-testid="rotate-secret"
          onClick={() => {
            rotate.reset();
            setAsking(true);
          }}
        >
          Make a new secret
        </Button>
      </Group>
      <Confirm
        opened={asking}
        title="Make a new secret?"
        verb="Make a new secret"
        pending={rotate.isPending}
        error={rotate.error ? toApiError(rotate.error).message : undefined}
        testId="confirm-rotate"
        onConfirm={() => rotate.mutate()}
        onClose={() => setAsking(false)}
      >
        <NativeSelect
          label="Until your alerts are changed"
          data={OVERLAPS}
          value={overlap}
          data-testid="rotate-overlap"
          onChange={(event) => setOverlap(event.currentTarget.value)}
        />
        <span>
          {overlap === '0'
            ? 'Alerts that carry the old secret are refused from now on.'
            : 'Change your alerts in that time. If others may know the old secret, end it at once instead.'}
        </span>
      </Confirm>
    </fieldset>
  );
}

function Signing({ strategy, has }: { strategy: Strategy; has: boolean }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const make = useMutation({
    mutationFn: () => makeSigningKey(strategy.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: hookKey(strategy.id) }),
    onSettled: () => setAsking(false),
  });
  return (
    <fieldset className={styles.group}>
      <legend>Signing key</legend>
      <p className={styles.hint}>
        For senders that can sign what they send: the message then needs no secret, and a copy of it is worth
        nothing. {has ? 'There is one.' : 'There is none yet.'}
      </p>
      {make.error && <Alert tone="danger">{toApiError(make.error).message}</Alert>}
      {make.data ? (
        <>
          <Alert tone="warn">This key is shown this once. Copy it before you close this.</Alert>
          <CopyField label="Signing key" value={make.data.signing_key} testId="signing-key" />
          <CopyField label="Headers of each message" value={SIGNING} />
          <p className={styles.hint}>
            The signature counts within 60 seconds of its timestamp, and once. Under Rules you can have only
            signed messages taken.
          </p>
        </>
      ) : (
        <Group>
          <Button
            variant="default"
            size="compact-md"
            loading={make.isPending}
            data-testid="make-signing-key"
            onClick={() => (has ? setAsking(true) : make.mutate())}
          >
            {has ? 'Make a new signing key' : 'Make a signing key'}
          </Button>
        </Group>
      )}
      <Confirm
        opened={asking}
        title="Make a new signing key?"
        verb="Make a new key"
        pending={make.isPending}
        onConfirm={() => make.mutate()}
        onClose={() => setAsking(false)}
      >
        What is signed with the present key is refused from now on.
      </Confirm>
    </fieldset>
  );
}

/** What proves to the webhook who sends. */
export function Keys({ strategy, onRotated }: KeysProps) {
  const query = useQuery(hookQuery(strategy.id));
  const until = query.data?.previous_secret_until;
  return (
    <Stack gap="lg">
      {until && <Alert tone="warn">The secret before this one works until {moment(until)}.</Alert>}
      <Secret strategy={strategy} onRotated={onRotated} />
      {query.isPending && <LoadingRows rows={2} />}
      {query.isError && !query.data && (
        <Failure
          title="The keys could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data && <Signing strategy={strategy} has={query.data.has_signing_key} />}
    </Stack>
  );
}
