import { Button, Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import { WarningIcon } from './icons';
import styles from './StateBlock.module.css';

interface EmptyProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}

/** Nothing here yet, and what to do about it. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className={styles.block}>
      <span className={styles.icon}>{icon}</span>
      <p className={styles.title}>{title}</p>
      <p className={styles.text}>{children}</p>
      {action && <div className={styles.actions}>{action}</div>}
    </div>
  );
}

interface FailureProps {
  title: string;
  error: Error & { requestId?: string };
  onRetry: () => void;
}

/** What failed, why, and a way to try again. */
export function Failure({ title, error, onRetry }: FailureProps) {
  return (
    <div className={styles.block} role="alert">
      <span className={styles.icon} data-tone="danger">
        <WarningIcon size={20} />
      </span>
      <p className={styles.title}>{title}</p>
      <p className={styles.text}>{error.message}</p>
      {error.requestId && <span className={styles.request}>Request {error.requestId}</span>}
      <div className={styles.actions}>
        <Button variant="default" onClick={onRetry}>
          Try again
        </Button>
      </div>
    </div>
  );
}

/** Rows that are on their way. */
export function LoadingRows({ rows = 4, height = 28 }: { rows?: number; height?: number }) {
  return (
    <output className={styles.rows} aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all the same
        <Skeleton key={index} height={height} radius={6} />
      ))}
    </output>
  );
}
