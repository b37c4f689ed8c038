import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { toApiError } from '@/api/problem';
import { flightRecordQuery } from '@/api/queries';
import type { FlightRecord, Order } from '@/api/types';
import { clock, latency, moment, number, signed, words } from '@/shared/format';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Tag, type Tone } from '@/shared/ui/Tag';
import { Again } from './Again';
import styles from './FlightRecordView.module.css';
import { SignalStatus } from './SignalStatus';
import { reasonOf, wishOf } from './SignalsList';

type Mark = 'done' | 'bad' | 'wait';

interface StepProps {
  title: string;
  at?: string | null | undefined;
  since?: string;
  mark?: Mark;
  children?: ReactNode;
}

/** One thing that happened, when, and how long after the alert came in. */
function Step({ title, at, since, mark = 'done', children }: StepProps) {
  return (
    <li className={styles.step} data-mark={mark}>
      <div className={styles.head}>
        <h3 className={styles.title}>{title}</h3>
        {at && (
          <time dateTime={at} title={moment(at, true)} className={`num ${styles.time}`}>
            {clock(at, true)}
            {since && (
              <span className={styles.since}>
                +{latency(Math.max(0, Date.parse(at) - Date.parse(since)))}
              </span>
            )}
          </time>
        )}
      </div>
      {children}
    </li>
  );
}

/** A raw alert, indented when it is JSON. */
function pretty(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}

/** A field as the engine understood it; a ladder reads "50% at 2%, 50% at 4%". */
function show(value: unknown): string {
  if (Array.isArray(value)) return value.map(show).join(', ');
  if (typeof value === 'object' && value !== null) {
    return 'at' in value && 'portion' in value ? `${value.portion} at ${value.at}` : JSON.stringify(value);
  }
  return String(value);
}

function Parsed({ parsed }: { parsed: NonNullable<FlightRecord['parsed']> }) {
  const fields = Object.entries(parsed).filter(([, value]) => value !== null && value !== undefined);
  return (
    <dl className={styles.fields}>
      {fields.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>{show(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

const ORDER_TONES: Partial<Record<Order['status'], Tone>> = {
  filled: 'profit',
  rejected: 'danger',
  expired: 'warn',
  unknown: 'warn',
};

const ORDER_WORDS: Partial<Record<Order['status'], string>> = {
  unknown: 'Checking with the exchange',
  intended: 'Not sent yet',
};

function OrderStep({ order, since }: { order: Order; since: string }) {
  const bad = order.status === 'rejected' || order.status === 'expired';
  const waiting =
    order.status === 'intended' ||
    order.status === 'sent' ||
    order.status === 'unknown' ||
    order.status === 'open';
  return (
    <Step
      title={`${words(order.side)} order, ${words(order.purpose).toLowerCase()}`}
      at={order.sent_at ?? order.created_at}
      since={since}
      mark={bad ? 'bad' : waiting ? 'wait' : 'done'}
    >
      <p className={styles.text}>
        <span className="num">
          {number(order.filled_qty)} of {number(order.qty)} {order.symbol}
          {order.avg_price && ` at ${number(order.avg_price)}`}
        </span>{' '}
        <Tag tone={ORDER_TONES[order.status] ?? 'neutral'}>
          {ORDER_WORDS[order.status] ?? words(order.status)}
        </Tag>
      </p>
      {order.stop_loss && (
        <p className={styles.dim}>
          Carries its exchange stop at <span className="num">{number(order.stop_loss)}</span>
        </p>
      )}
      {order.reason && <p className={styles.reason}>{order.reason}</p>}
      <p className={styles.code}>{order.id}</p>
    </Step>
  );
}

function FillStep({ fill, since }: { fill: FlightRecord['executions'][number]; since: string }) {
  return (
    <Step title={fill.exec_type === 'Trade' ? 'Filled' : fill.exec_type} at={fill.executed_at} since={since}>
      <p className={`num ${styles.text}`}>
        {words(fill.side)} {number(fill.qty)} {fill.symbol} at {number(fill.price)}
      </p>
      <p className={`num ${styles.dim}`}>
        fee {number(fill.fee)} USDT
        {fill.realised_pnl !== '0' && ` · realised ${signed(fill.realised_pnl)} USDT`}
      </p>
    </Step>
  );
}

interface Dated {
  at: string | null;
  step: ReactNode;
}

function outcomeOf(record: FlightRecord): Dated[] {
  const { status, decided_at: at, received_at: since } = record;
  if (status === 'rejected') return [];
  const undecided = at === null;
  const bad = status === 'failed' || status === 'refused' || status === 'expired';
  const reason = reasonOf(record);
  const title = undecided ? 'Waiting for the engine' : 'Decided';
  return [
    {
      at,
      step: (
        <Step
          key="outcome"
          title={title}
          at={at}
          since={since}
          mark={undecided ? 'wait' : bad ? 'bad' : 'done'}
        >
          {reason && <p className={styles.text}>{reason}</p>}
        </Step>
      ),
    },
  ];
}

function stepsOf(record: FlightRecord): Dated[] {
  const since = record.received_at;
  return [
    ...record.orders.map((order) => ({
      at: order.sent_at ?? order.created_at,
      step: <OrderStep key={order.id} order={order} since={since} />,
    })),
    ...record.executions.map((fill) => ({
      at: fill.executed_at,
      step: <FillStep key={fill.id} fill={fill} since={since} />,
    })),
    ...outcomeOf(record),
  ];
}

/** As it happened; what has not happened yet comes last. */
const inOrder = (steps: Dated[]) =>
  steps
    .toSorted((a, b) => (a.at ? Date.parse(a.at) : Infinity) - (b.at ? Date.parse(b.at) : Infinity))
    .map(({ step }) => step);

const PROOFS: Record<NonNullable<FlightRecord['source']>['proved_by'], string> = {
  secret: 'with the secret',
  previous_secret: 'with the secret before this one',
  signature: 'signed',
  session: 'replayed by you',
};

const sourceWords = ({ ip, proved_by, tradingview_certificate }: NonNullable<FlightRecord['source']>) =>
  `From ${ip}, ${PROOFS[proved_by]}${tradingview_certificate ? ", with TradingView's certificate" : ''}`;

export function Timeline({ record }: { record: FlightRecord }) {
  const { received_at: start, status } = record;
  const reason = reasonOf(record);
  return (
    <>
      <header className={styles.summary}>
        <p className={styles.wish}>{wishOf(record)}</p>
        <SignalStatus status={status} />
        <p className={styles.meta}>
          {record.strategy_name} · {moment(start)}
          {record.source?.replay_of && (
            <>
              {' · replay of '}
              <Link to="/signals" search={{ id: record.source.replay_of }}>
                an earlier signal
              </Link>
            </>
          )}
        </p>
        {reason && <p className={styles.reason}>{reason}</p>}
      </header>
      <ol className={styles.timeline}>
        {record.alert_time && record.alert_time !== start && (
          <Step title="Fired, by its own account" at={record.alert_time} />
        )}
        <Step title="Alert received" at={start}>
          {record.source && <p className={styles.dim}>{sourceWords(record.source)}</p>}
          {record.spooled && (
            <p className={styles.dim}>The database did not answer: it was put by, and stored later.</p>
          )}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
          <section className={styles.raw} tabIndex={0} aria-label="Raw alert">
            {pretty(record.raw)}
          </section>
        </Step>
        <Step title={record.parsed ? 'Understood' : 'Not understood'} mark={record.parsed ? 'done' : 'bad'}>
          {record.parsed && <Parsed parsed={record.parsed} />}
          {record.errors.length > 0 && (
            <ul className={styles.errors}>
              {record.errors.map(({ field, message }) => (
                <li key={`${field}:${message}`}>
                  <b>{field}</b> {message}
                </li>
              ))}
            </ul>
          )}
        </Step>
        {inOrder(stepsOf(record))}
      </ol>
    </>
  );
}

/** One alert from raw text to fills, each step with its time. */
export function FlightRecordView({ id }: { id: string }) {
  const query = useQuery(flightRecordQuery(id));
  if (query.data) {
    return (
      <>
        <Timeline record={query.data} />
        <Again key={id} record={query.data} />
      </>
    );
  }
  if (query.isError) {
    return (
      <Failure
        title="The flight record could not be read"
        error={toApiError(query.error)}
        onRetry={() => query.refetch()}
      />
    );
  }
  return <LoadingRows rows={5} height={40} />;
}
