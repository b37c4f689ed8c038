import type { ComponentPropsWithRef } from 'react';
import type { Decimal } from '../decimal';
import { direction, signed } from '../format';
import styles from './Pnl.module.css';

interface PnlProps extends ComponentPropsWithRef<'span'> {
  value: string | Decimal | null | undefined;
  suffix?: string;
  stale?: boolean;
}

/** A gain or loss: signed, tabular, tinted. */
export function Pnl({ value, suffix = '', stale = false, ...rest }: PnlProps) {
  const shown = direction(value);
  return (
    <span {...rest} className={styles.pnl} data-direction={shown} data-stale={stale || undefined}>
      {signed(value)}
      {shown !== 'unknown' && suffix}
    </span>
  );
}
