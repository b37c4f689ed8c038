import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { useLive } from '@/live/hooks';
import { Pnl } from '@/shared/ui/Pnl';
import { SideTag } from '@/shared/ui/SideTag';
import type { PositionAction } from './actions';
import { Entry, Last, Opened, PnlPercent, Qty, Status, StopLoss, TakeProfits, UnrealisedPnl } from './cells';
import styles from './PositionCards.module.css';
import { useAccountLabel } from './PositionsTable';
import { Protection } from './Protection';
import { isUnprotected } from './protection';

interface CardProps {
  id: string;
  onAct: (action: PositionAction) => void;
}

const Card = memo(function Card({ id, onAct }: CardProps) {
  const position = useLive((state) => state.positions[id]);
  const label = useAccountLabel(position?.account_id);
  if (!position) return null;
  const { symbol, side, leverage, status } = position;
  const closing = status === 'closing';
  return (
    <li
      className={styles.card}
      data-testid={`position-row-${symbol}`}
      data-unprotected={isUnprotected(position) || undefined}
    >
      <div className={styles.head}>
        <h3 className={styles.symbol}>
          <Link to="/positions/$id" params={{ id }}>
            {symbol}
          </Link>
        </h3>
        <SideTag side={side} leverage={leverage} />
        {status !== 'open' && <Status status={status} />}
        <span className={styles.pnl}>
          <UnrealisedPnl id={id} symbol={symbol} />
          <PnlPercent id={id} />
        </span>
      </div>
      <dl className={styles.facts}>
        <div>
          <dt>Quantity</dt>
          <dd>
            <Qty position={position} />
          </dd>
        </div>
        <div>
          <dt>Entry</dt>
          <dd>
            <Entry position={position} />
          </dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd>
            <Last id={id} />
          </dd>
        </div>
        <div>
          <dt>Stop-loss</dt>
          <dd>
            <StopLoss position={position} />
          </dd>
        </div>
        <div>
          <dt>Take-profit</dt>
          <dd>
            <TakeProfits position={position} />
          </dd>
        </div>
        <div>
          <dt>Opened</dt>
          <dd>
            <Opened at={position.opened_at} />
            {label && <span className={styles.account}>{label}</span>}
          </dd>
        </div>
      </dl>
      <Protection position={position} />
      <div className={styles.actions}>
        <Button
          variant="default"
          size="md"
          disabled={status !== 'open'}
          aria-label={`Edit protection of ${symbol} ${side}`}
          data-testid={`protect-${symbol}`}
          onClick={() => onAct({ kind: 'protect', id })}
        >
          Protect
        </Button>
        <Button
          variant="default"
          size="md"
          disabled={closing}
          aria-label={`Reverse ${symbol} ${side}`}
          data-testid={`reverse-${symbol}`}
          onClick={() => onAct({ kind: 'reverse', id })}
        >
          Reverse
        </Button>
        <Button
          variant="default"
          size="md"
          disabled={closing}
          aria-label={`Close ${symbol} ${side}`}
          data-testid={`close-${symbol}`}
          onClick={() => onAct({ kind: 'close', id })}
        >
          Close
        </Button>
      </div>
    </li>
  );
});

interface PositionCardsProps {
  ids: readonly string[];
  onAct: (action: PositionAction) => void;
}

/** The table, for a phone. */
export function PositionCards({ ids, onAct }: PositionCardsProps) {
  const total = useLive((state) => state.total);
  return (
    <>
      <ul className={styles.list}>
        {ids.map((id) => (
          <Card key={id} id={id} onAct={onAct} />
        ))}
      </ul>
      <p className={styles.total}>
        Total of {total.open}
        <Pnl value={total.pnl} suffix=" USDT" stale={total.stale} />
      </p>
    </>
  );
}
