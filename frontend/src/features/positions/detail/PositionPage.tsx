import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { historyQuery } from '@/api/history';
import { toApiError } from '@/api/problem';
import { positionQuery } from '@/api/queries';
import type { Position } from '@/api/types';
import { useLive, useServerNow } from '@/live/hooks';
import { number, UNKNOWN } from '@/shared/format';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { ChevronIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Pnl } from '@/shared/ui/Pnl';
import { SideTag } from '@/shared/ui/SideTag';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Tag } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import { Entry, Last, Opened, PnlPercent, Qty, Status, UnrealisedPnl } from '../cells';
import { PositionDialog } from '../PositionDialog';
import { Protection } from '../Protection';
import { ProtectionForm } from '../ProtectionForm';
import { useProtectionDraft } from '../useProtectionDraft';
import { ChartPanel } from './ChartPanel';
import styles from './PositionPage.module.css';

function Fills({ id }: { id: string }) {
  const now = useServerNow();
  const query = useInfiniteQuery(historyQuery('executions', { position_id: id }));
  const fills = query.data?.pages.flatMap(({ items }) => items) ?? [];
  if (fills.length === 0) return null;
  return (
    <Panel title="Fills" count={fills.length}>
      <ul className={styles.fills}>
        {fills.map((fill) => (
          <li key={fill.id} data-testid="fill">
            <Tag tone={fill.side === 'buy' ? 'profit' : 'loss'}>{fill.side === 'buy' ? 'Buy' : 'Sell'}</Tag>
            <span className="num">
              {number(fill.qty)} at {number(fill.price)}
            </span>
            <span className={`num ${styles.dim}`}>fee {number(fill.fee)}</span>
            {fill.realised_pnl !== '0' && <Pnl value={fill.realised_pnl} suffix=" USDT" />}
            <span className={`${styles.end} ${styles.dim}`}>
              <Ago at={fill.executed_at} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function PositionDetail({ position }: { position: Position }) {
  const draft = useProtectionDraft(position);
  const environment = useLive((state) => state.environments[position.account_id]);
  const [asking, setAsking] = useState<'close' | 'reverse' | null>(null);
  const { id, symbol, side, leverage, status } = position;
  const closed = status === 'closed';
  const busy = closed || status === 'closing';

  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <Link to="/" className={styles.back} aria-label="All positions">
          <ChevronIcon />
        </Link>
        <h1 className={styles.symbol}>{symbol}</h1>
        <SideTag side={side} leverage={leverage} />
        {environment && <EnvironmentTag environment={environment} />}
        <Status status={status} />
        {!closed && (
          <span className={styles.pnl}>
            <UnrealisedPnl id={id} symbol={symbol} /> <PnlPercent id={id} />
          </span>
        )}
        {!closed && (
          <span className={styles.actions}>
            <Button variant="default" disabled={busy} onClick={() => setAsking('reverse')}>
              Reverse
            </Button>
            <Button
              variant="default"
              disabled={busy}
              data-testid="detail-close"
              onClick={() => setAsking('close')}
            >
              Close
            </Button>
          </span>
        )}
      </header>
      <div className={styles.columns}>
        <ChartPanel position={position} draft={draft} />
        <Panel title={closed ? 'Position' : 'Protection'}>
          <div className={styles.body}>
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
                <dd>{closed ? UNKNOWN : <Last id={id} />}</dd>
              </div>
              <div>
                <dt>Opened</dt>
                <dd>
                  <Opened at={position.opened_at} />
                </dd>
              </div>
            </dl>
            {closed ? (
              <p className={styles.dim}>
                This position has closed. Its result is under <Link to="/history">History</Link>.
              </p>
            ) : (
              <>
                <div className={styles.facts}>
                  <Protection position={position} />
                </div>
                <ProtectionForm position={position} draft={draft} onDone={() => undefined} />
              </>
            )}
          </div>
        </Panel>
      </div>
      <Fills id={id} />
      {asking && <PositionDialog key={asking} id={id} kind={asking} onClose={() => setAsking(null)} />}
    </div>
  );
}

export function PositionPage() {
  const { id } = useParams({ from: '/shell/positions/$id' });
  const open = useLive((state) => state.positions[id]);
  const loaded = useLive((state) => state.loaded);
  // Those that are open are pushed; the others are asked for.
  const query = useQuery({ ...positionQuery(id), enabled: loaded && !open });
  const position = open ?? query.data;
  if (position) return <PositionDetail key={id} position={position} />;
  if (query.isError) {
    return (
      <Panel title="Position">
        <Failure
          title="This position could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      </Panel>
    );
  }
  return (
    <Panel title="Position">
      <LoadingRows rows={8} />
    </Panel>
  );
}
