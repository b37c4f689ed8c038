import type { ComponentPropsWithRef } from 'react';
import styles from './Tag.module.css';

export type Tone = 'neutral' | 'profit' | 'loss' | 'warn' | 'danger' | 'info' | 'accent' | 'alarm';

interface TagProps extends ComponentPropsWithRef<'span'> {
  tone?: Tone;
  dot?: boolean;
  pulse?: boolean;
  caps?: boolean;
}

/** A short state in words, tinted. */
export function Tag({
  tone = 'neutral',
  dot = false,
  pulse = false,
  caps = false,
  children,
  ...rest
}: TagProps) {
  return (
    <span {...rest} className={styles.tag} data-tone={tone} data-caps={caps || undefined}>
      {dot && <span className={styles.dot} data-pulse={pulse || undefined} />}
      {children}
    </span>
  );
}
