import { SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { closePosition, reversePosition } from '@/api/commands';
import { toApiError } from '@/api/problem';
import type { Position } from '@/api/types';
import { useLive } from '@/live/hooks';
import { linkStatus } from '@/live/status';
import { type Decimal, divide, multiply, parse, plain, sign, subtract } from '@/shared/decimal';
import { number } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import { Confirm } from '@/shared/ui/Confirm';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { Pnl } from '@/shared/ui/Pnl';
import { SideTag } from '@/shared/ui/SideTag';
import { coinOf, Entry, Last } from './cells';
import { follow } from './follow';
import styles from './PositionDialog.module.css';

const PORTIONS = ['25', '50', '75', '100'];
const OTHER = 'other';
const HUNDRED: Decimal = { units: 100n, scale: 0 };

/** `percent` of a decimal, exactly. */
const share = (text: string | null, percent: Decimal | null) => {
  const whole = parse(text);
  return whole && percent && divide(multiply(whole, percent), HUNDRED, whole.scale + percent.scale + 2);
};

/** A percentage above 0 and at most 100, as it is written; null for anything else. */
function readPercent(text: string): Decimal | null {
  const percent = parse(text.trim().replace(/\s*%$/, ''));
  return percent && sign(percent) > 0 && sign(subtract(percent, HUNDRED)) <= 0 ? percent : null;
}

const opposite = (side: Position['side']) => (side === 'long' ? 'short' : 'long');

interface PositionDialogProps {
  id: string;
  kind: 'close' | 'reverse';
  onClose: () => void;
}

/** Says what will be sent before it is sent: symbol, side, quantity, price basis, estimated result. */
export function PositionDialog({ id, kind, onClose }: PositionDialogProps) {
  const current = useLive((state) => state.positions[id]);
  const quote = useLive((state) => state.quotes[id]);
  const environment = useLive((state) => current && state.environments[current.account_id]);
  const lively = useLive((state) => linkStatus(state) === 'live');
  const [chosen, setChosen] = useState('100');
  const [written, setWritten] = useState('');

  // The position may close while the question is on screen: what was asked about stays readable.
  const asked = useRef(current);
  if (current) asked.current = current;
  const position = asked.current;

  const portion = kind === 'close' ? readPercent(chosen === OTHER ? written : chosen) : HUNDRED;
  const percent = portion && plain(portion);
  const part = percent !== '100';
  const send = useMutation({
    mutationFn: () => (kind === 'close' ? closePosition(id, percent ?? '100') : reversePosition(id)),
    onSuccess: () => {
      if (position && percent) follow(kind, position, percent);
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
      ? `Close ${part ? `${percent ?? '…'} %` : 'all'} at market`
      : `Reverse to ${opposite(side)}`;

  return (
    <Confirm
      opened
      title={`${kind === 'close' ? 'Close' : 'Reverse'} ${symbol} ${side}`}
      verb={verb}
      danger={environment === 'mainnet'}
      disabled={gone || portion === null}
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
            value={chosen}
            onChange={setChosen}
            data={[
              ...PORTIONS.map((value) => ({ value, label: `${value} %` })),
              { value: OTHER, label: 'Other' },
            ]}
          />
        )}
        {kind === 'close' && chosen === OTHER && (
          <TextInput
            label="Percent to close"
            placeholder="33.3"
            inputMode="decimal"
            autoComplete="off"
            data-testid="close-percent"
            value={written}
            error={written && portion === null ? 'Above 0 and at most 100.' : null}
            onChange={(event) => setWritten(event.currentTarget.value)}
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
              {part && <small> of {number(position.qty)}</small>}
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
        {kind === 'close' && part && (
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
