import { type ReactNode, useId } from 'react';
import styles from './Panel.module.css';

interface PanelProps {
  title: string;
  count?: number | string | undefined;
  aside?: ReactNode;
  children: ReactNode;
}

/** A titled part of a page. */
export function Panel({ title, count, aside, children }: PanelProps) {
  const id = useId();
  return (
    <section className={styles.panel} aria-labelledby={id}>
      <header className={styles.head}>
        <h2 id={id} className={styles.title}>
          {title}
          {count !== undefined && <span className={`num ${styles.count}`}>{count}</span>}
        </h2>
        {aside && <div className={styles.aside}>{aside}</div>}
      </header>
      {children}
    </section>
  );
}
