import type { ReactNode } from 'react';
import styles from './Figures.module.css';

interface FigureProps {
  name: string;
  unit?: string | undefined;
  note?: ReactNode;
  alarm?: boolean;
  children: ReactNode;
}

/** One number that matters, with what it is and what it counts. */
export function Figure({ name, unit, note, alarm = false, children }: FigureProps) {
  return (
    <div className={styles.item}>
      <dt>{name}</dt>
      <dd>
        {children} {unit && <small>{unit}</small>}
      </dd>
      {note && (
        <dd className={styles.note} data-alarm={alarm || undefined}>
          {note}
        </dd>
      )}
    </div>
  );
}

export function Figures({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl className={styles.summary} aria-label={label}>
      {children}
    </dl>
  );
}
