import { Button } from '@mantine/core';
import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router';
import { toApiError } from '@/api/problem';
import { PositionsIcon } from '@/shared/ui/icons';
import { Empty, Failure } from '@/shared/ui/StateBlock';
import styles from './Fallbacks.module.css';

export function CannotStart({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <main className={styles.page}>
      <Failure
        title="The dashboard could not start"
        error={toApiError(error)}
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </main>
  );
}

export function NotFound() {
  return (
    <main className={styles.page}>
      <Empty
        icon={<PositionsIcon size={20} />}
        title="There is no such page"
        action={<Button renderRoot={(props) => <Link to="/" {...props} />}>Go to positions</Button>}
      >
        The address may be mistyped or from an older version.
      </Empty>
    </main>
  );
}
