import type { Explanation, FieldNote } from '@/api/types';
import { Tag, type Tone } from '@/shared/ui/Tag';
import styles from './Webhook.module.css';

const OUTCOMES: Record<FieldNote['outcome'], { tone: Tone; words: string }> = {
  used: { tone: 'accent', words: 'Used' },
  defaulted: { tone: 'neutral', words: 'Not said' },
  ignored: { tone: 'neutral', words: 'Ignored' },
  ambiguous: { tone: 'danger', words: 'Unclear' },
  unsupported: { tone: 'danger', words: 'Cannot be done' },
};
const REFUSING = new Set<FieldNote['outcome']>(['ambiguous', 'unsupported']);

/** One note a field; what refuses it outweighs that its name is known. */
export function notesOf({ notes }: Explanation): FieldNote[] {
  const refused = new Set(notes.filter(({ outcome }) => REFUSING.has(outcome)).map(({ field }) => field));
  return notes.filter(({ field, outcome }) => !refused.has(field) || REFUSING.has(outcome));
}

const DIALECTS: Record<string, string> = {
  '3commas': '3Commas',
  altrady: 'Altrady',
  finandy: 'Finandy',
  octobot: 'OctoBot',
  pickmytrade: 'PickMyTrade',
  traderspost: 'TradersPost',
  tradingview: 'TradingView',
  wundertrading: 'WunderTrading',
};

function dialectWords(dialect: string | null): string {
  if (dialect === null) return 'Not a kind of message we know';
  return dialect === 'native' ? 'Our own kind of message' : `As ${DIALECTS[dialect] ?? dialect} writes it`;
}

/** What the webhook would take a message for, field by field. */
export function Explained({ explanation }: { explanation: Explanation }) {
  const { accepted, dialect } = explanation;
  return (
    <section data-testid="explained" aria-label="How the message is understood">
      <p className={styles.verdict}>
        <Tag tone={accepted ? 'accent' : 'danger'}>{accepted ? 'Understood' : 'Would be refused'}</Tag>
        {dialectWords(dialect)}
      </p>
      <ul className={styles.notes}>
        {notesOf(explanation).map(({ field, outcome, becomes, meaning }) => (
          <li key={`${field} ${outcome} ${meaning}`}>
            <code>{field}</code>
            <span className={styles.meaning}>
              {becomes && becomes !== field && outcome === 'used' && `becomes ${becomes}. `}
              {meaning}
            </span>
            <Tag tone={OUTCOMES[outcome].tone}>{OUTCOMES[outcome].words}</Tag>
          </li>
        ))}
      </ul>
    </section>
  );
}
