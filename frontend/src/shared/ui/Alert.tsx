import type { ReactNode } from 'react';
import styles from './Alert.module.css';
import { WarningIcon } from './icons';

/** Something to know before going on. Danger is announced at once. */
export function Alert({ tone, children }: { tone: 'info' | 'warn' | 'danger'; children: ReactNode }) {
  return (
    <div className={styles.alert} data-tone={tone} role={tone === 'danger' ? 'alert' : undefined}>
      {tone !== 'info' && <WarningIcon />}
      <div>{children}</div>
    </div>
  );
}
