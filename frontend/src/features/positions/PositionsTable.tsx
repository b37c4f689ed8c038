import { Button, Group, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useRef } from 'react';
import { accountsQuery } from '@/api/queries';
import { useLive } from '@/live/hooks';
import { DataTable } from '@/shared/ui/DataTable';
import { Pnl } from '@/shared/ui/Pnl';
import { SideTag } from '@/shared/ui/SideTag';
import type { PositionAction } from './actions';
import { Entry, Last, Opened, PnlPercent, Qty, Status, StopLoss, TakeProfits, UnrealisedPnl } from './cells';
import styles from './PositionsTable.module.css';
import { Protection } from './Protection';
import { isUnprotected } from './protection';

const VIRTUAL_ABOVE = 30;
const ROW_PX = 53;
const COLUMNS = 12;

interface RowProps {
  id: string;
  index: number;
  onAct: (action: PositionAction) => void;
}

/** The label of the position's account, where there is more than one to tell apart. */
export function useAccountLabel(accountId: string | undefined): string | null {
  const { data } = useQuery(accountsQuery);
  return data && data.length > 1 ? (data.find(({ id }) => id === accountId)?.label ?? null) : null;
}

const Row = memo(function Row({ id, index, onAct }: RowProps) {
  const position = useLive((state) => state.positions[id]);
  const label = useAccountLabel(position?.account_id);
  if (!position) return null;
  const { symbol, side, leverage, status } = position;
  const closing = status === 'closing';
  return (
    <tr
      data-testid={`position-row-${symbol}`}
      data-unprotected={isUnprotected(position) || undefined}
      className={styles.row}
      aria-rowindex={index + 2}
    >
      <th scope="row">
        <Link to="/positions/$id" params={{ id }} className={styles.symbol}>
          {symbol}
        </Link>
        {label && <span className={styles.account}>{label}</span>}
      </th>
      <td>
        <SideTag side={side} leverage={leverage} />
      </td>
      <td data-numeric>
        <Qty position={position} />
      </td>
      <td data-numeric>
        <Entry position={position} />
      </td>
      <td data-numeric>
        <Last id={id} />
      </td>
      <td data-numeric>
        <span className={styles.pnl}>
          <UnrealisedPnl id={id} symbol={symbol} />
          <PnlPercent id={id} />
        </span>
      </td>
      <td data-numeric>
        <UnstyledButton
          className={styles.edit}
          disabled={status !== 'open'}
          data-testid={`protect-${symbol}`}
          onClick={() => onAct({ kind: 'protect', id })}
        >
          <span className={styles.hidden}>{`Edit protection of ${symbol} ${side}. Stop `}</span>
          <StopLoss position={position} />
        </UnstyledButton>
      </td>
      <td data-numeric>
        <UnstyledButton
          className={styles.edit}
          disabled={status !== 'open'}
          onClick={() => onAct({ kind: 'protect', id })}
        >
          <span className={styles.hidden}>{`Edit targets of ${symbol} ${side}. Target `}</span>
          <TakeProfits position={position} />
        </UnstyledButton>
      </td>
      <td>
        <Protection position={position} />
      </td>
      <td>
        <Status status={status} />
      </td>
      <td>
        <Opened at={position.opened_at} />
      </td>
      <td data-pinned>
        <Group gap={6} wrap="nowrap" justify="flex-end">
          <Button
            size="compact-sm"
            variant="default"
            disabled={closing}
            aria-label={`Reverse ${symbol} ${side}`}
            data-testid={`reverse-${symbol}`}
            onClick={() => onAct({ kind: 'reverse', id })}
          >
            Reverse
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            disabled={closing}
            aria-label={`Close ${symbol} ${side}`}
            data-testid={`close-${symbol}`}
            onClick={() => onAct({ kind: 'close', id })}
          >
            Close
          </Button>
        </Group>
      </td>
    </tr>
  );
});

function TotalRow() {
  const total = useLive((state) => state.total);
  return (
    <tr>
      <th scope="row" colSpan={5}>
        Total of {total.open}
        {total.unknown > 0 && (
          <span className={styles.note}>{total.unknown} without a fresh price, not counted</span>
        )}
      </th>
      <td data-numeric>
        <Pnl value={total.pnl} stale={total.stale} />
      </td>
      <td colSpan={6} />
    </tr>
  );
}

const Spacer = ({ height }: { height: number }) =>
  height > 0 ? (
    <tr data-spacer>
      <td colSpan={COLUMNS} style={{ height }} />
    </tr>
  ) : null;

interface PositionsTableProps {
  ids: readonly string[];
  onAct: (action: PositionAction) => void;
}

/** Draws only the rows in view once there are many; spacers keep it a real table. */
export function PositionsTable({ ids, onAct }: PositionsTableProps) {
  const scroll = useRef<HTMLElement>(null);
  const virtual = ids.length > VIRTUAL_ABOVE;
  const virtualizer = useVirtualizer({
    count: ids.length,
    enabled: virtual,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 4,
  });
  const drawn = virtualizer.getVirtualItems();
  const rows = virtual ? drawn.map(({ index }) => index) : ids.map((_, index) => index);
  const above = virtual ? (drawn[0]?.start ?? 0) : 0;
  const below = virtual ? virtualizer.getTotalSize() - (drawn.at(-1)?.end ?? 0) : 0;

  return (
    <DataTable
      label="Open positions"
      scrollRef={scroll}
      maxHeight={virtual ? 'min(68vh, 900px)' : undefined}
      aria-rowcount={ids.length + 2}
    >
      <thead>
        <tr>
          <th scope="col">Symbol</th>
          <th scope="col">Side</th>
          <th scope="col" data-numeric>
            Quantity
          </th>
          <th scope="col" data-numeric>
            Entry
          </th>
          <th scope="col" data-numeric>
            Last
          </th>
          <th scope="col" data-numeric title="At the last price, fees not counted">
            P/L, USDT
          </th>
          <th scope="col" data-numeric>
            Stop-loss
          </th>
          <th scope="col" data-numeric>
            Take-profit
          </th>
          <th scope="col">Protection</th>
          <th scope="col">Status</th>
          <th scope="col">Opened</th>
          <th scope="col" data-pinned>
            <span className={styles.hidden}>Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        <Spacer height={above} />
        {rows.map((index) => {
          const id = ids[index];
          return id === undefined ? null : <Row key={id} id={id} index={index} onAct={onAct} />;
        })}
        <Spacer height={below} />
      </tbody>
      <tfoot>
        <TotalRow />
      </tfoot>
    </DataTable>
  );
}
