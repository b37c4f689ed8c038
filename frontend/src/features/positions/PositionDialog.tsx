import { SegmentedControl, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { closePosition, reversePosition } from '@/api/commands';
import { toApiError } from '@/api/problem';
import type { Position } from '@/api/types';
import { useLive } from '@/live/hooks';
import { linkStatus } from '@/live/status';
import { divide, multiply, parse, plain } from '@/shared/decimal';
import { number } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { Pnl } from '@/shared/ui/Pnl';
import { SideTag } from '@/shared/ui/SideTag';
import { coinOf, Entry, Last } from './cells';
import { follow } from './follow';
import styles from './PositionDialog.module.css';

export interface PositionAction {
  kind: 'close' | 'reverse';
  id: string;
}

const PORTIONS = ['25', '50', '75', '100'];

/** `percent` of a decimal, exactly. */
const share = (text: string | null, percent: number) => {
  const whole = parse(text);
  return (
    whole &&
    divide(multiply(whole, { units: BigInt(percent), scale: 0 }), { units: 100n, scale: 0 }, whole.scale + 2)
  );
};

const opposite = (side: Position['side']) => (side === 'long' ? 'short' : 'long');

interface PositionDialogProps {
  action: PositionAction;
  onClose: () => void;
}

/** Says what will be sent before it is sent: symbol, side, quantity, price basis, estimated result. */
export function PositionDialog({ action: { kind, id }, onClose }: PositionDialogProps) {
  const current = useLive((state) => state.positions[id]);
  const quote = useLive((state) => state.quotes[id]);
  const environment = useLive((state) => current && state.environments[current.account_id]);
  const lively = useLive((state) => linkStatus(state) === 'live');
  const [percent, setPercent] = useState('100');

  // The position may close while the question is on screen: what was asked about stays readable.
  const asked = useRef(current);
  if (current) asked.current = current;
  const position = asked.current;

  const portion = kind === 'close' ? Number(percent) : 100;
  const send = useMutation({
    mutationFn: () => (kind === 'close' ? closePosition(id, portion) : reversePosition(id)),
    onSuccess: () => {
      if (position) follow(kind, position, portion);
      onClose();
    },
  });

  if (!position) return null;
  const { symbol, side, leverage } = position;
  const gone = !current;
  const stale = !lively || quote?.freshness !== 'fresh';
  const qty = share(position.qty, portion);
  const verb =
    kind === 'close'
      ? `Close ${portion === 100 ? 'all' : `${portion} %`} at market`
      : `Reverse to ${opposite(side)}`;

  return (
    <Confirm
      opened
      title={`${kind === 'close' ? 'Close' : 'Reverse'} ${symbol} ${side}`}
      verb={verb}
      danger={environment === 'mainnet'}
      disabled={gone}
      pending={send.isPending}
      error={send.error ? toApiError(send.error).message : undefined}
      testId="confirm-close"
      onConfirm={() => send.mutate()}
      onClose={onClose}
    >
      <Stack gap="md">
        {kind === 'close' && (
          <SegmentedControl
            fullWidth
            aria-label="How much to close"
            value={percent}
            onChange={setPercent}
            data={PORTIONS.map((value) => ({ value, label: `${value} %` }))}
          />
        )}
        <dl className={styles.facts}>
          <div>
            <dt>Position</dt>
            <dd className={styles.tags}>
              {symbol} <SideTag side={side} leverage={leverage} />
              {environment && <EnvironmentTag environment={environment} />}
            </dd>
          </div>
          <div>
            <dt>{kind === 'close' ? 'Quantity to close' : 'Quantity closed first'}</dt>
            <dd className="num" data-testid="confirm-qty">
              {qty && number(plain(qty))} {coinOf(symbol)}
              {portion < 100 && <small> of {number(position.qty)}</small>}
            </dd>
          </div>
          <div>
            <dt>Entry → last price</dt>
            <dd>
              <Entry position={position} /> → <Last id={id} />
            </dd>
          </div>
          <div>
            <dt>Estimated result</dt>
            <dd>
              <Pnl
                value={share(quote?.freshness === 'gone' ? null : (quote?.pnl ?? null), portion)}
                suffix=" USDT"
              />
              <small> before fees</small>
            </dd>
          </div>
        </dl>
        {kind === 'reverse' && (
          <p className={styles.note}>
            First this position is closed. When the exchange confirms it is flat, a {opposite(side)} is
            opened, sized anew by its strategy and with its stop. If the opening is refused you stay flat.
          </p>
        )}
        {kind === 'close' && portion < 100 && (
          <p className={styles.note}>
            The quantity is rounded down to the exchange's lot step; stop and targets stay.
          </p>
        )}
        {gone && <Alert tone="warn">This position has closed meanwhile.</Alert>}
        {!gone && stale && <Alert tone="warn">The price shown is not fresh: the result may differ.</Alert>}
      </Stack>
    </Confirm>
  );
}
