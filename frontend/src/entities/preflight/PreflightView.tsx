import type { Preflight } from '@/api/types';
import { money, number, words } from '@/shared/format';
import { Tag, type Tone } from '@/shared/ui/Tag';
import styles from './Preflight.module.css';

const OUTCOMES: Record<Preflight['outcome'], { tone: Tone; words: string }> = {
  opens: { tone: 'accent', words: 'Would open a position' },
  grows: { tone: 'accent', words: 'Would add to the position' },
  reverses: { tone: 'accent', words: 'Would close and open the other side' },
  closes: { tone: 'accent', words: 'Would close the position' },
  nothing: { tone: 'neutral', words: 'Would do nothing' },
  waits: { tone: 'warn', words: 'Would wait for what is under way' },
  refused: { tone: 'danger', words: 'Would be refused' },
  expired: { tone: 'danger', words: 'Would be too old' },
};

function Entry({ entry }: { entry: NonNullable<Preflight['entry']> }) {
  const facts: [string, string, string?][] = [
    ['Side', words(entry.side)],
    ['Quantity', number(entry.qty)],
    ['Price, about', number(entry.price)],
    ['Worth', `${money(entry.notional)} USDT`],
    ['Leverage', `${number(entry.leverage)}×`],
    ['Margin', `${money(entry.margin)} USDT`],
    ['Stop-loss', entry.stop_loss === null ? 'none' : number(entry.stop_loss)],
    ["Exchange's stop", entry.exchange_stop === null ? 'none' : number(entry.exchange_stop)],
    [
      'Loss at the stop',
      entry.loss_at_stop === null ? 'not limited' : `${money(entry.loss_at_stop)} USDT`,
      'With the fees of both legs',
    ],
    ['Fees, both legs', `${money(entry.fees)} USDT`],
    ['Liquidation, about', entry.liquidation_price === null ? 'none' : number(entry.liquidation_price)],
  ];
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd className="num">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What an alert would do now, as the engine foresees it; nothing was sent. */
export function PreflightView({ preflight }: { preflight: Preflight }) {
  const { outcome, reason, entry, orders } = preflight;
  return (
    <section className={styles.foreseen} data-testid="preflight" aria-label="What it would do now">
      <p className={styles.outcome}>
        <Tag tone={OUTCOMES[outcome].tone}>{OUTCOMES[outcome].words}</Tag>
        {reason && <span>{reason}</span>}
      </p>
      {entry && <Entry entry={entry} />}
      {orders.length > 0 && (
        <details className={styles.orders}>
          <summary>
            {orders.length === 1 ? 'The order it would send' : `The ${orders.length} orders it would send`}
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
          <pre tabIndex={0}>
            {orders
              .map((order) => `${words(order.purpose)}: ${JSON.stringify(order.request, null, 2)}`)
              .join('\n')}
          </pre>
        </details>
      )}
    </section>
  );
}
