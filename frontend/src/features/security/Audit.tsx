import { useInfiniteQuery } from '@tanstack/react-query';
import { toApiError } from '@/api/problem';
import { auditQuery } from '@/api/security';
import { useServerNow } from '@/live/hooks';
import { words } from '@/shared/format';
import { More } from '@/shared/ui/DataTable';
import { Panel } from '@/shared/ui/Panel';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Ago } from '@/shared/ui/Time';
import styles from './Security.module.css';

/** `strategy.secret_rotated` → "Strategy: secret rotated". */
function actionOf(action: string): string {
  const [subject = '', what = ''] = action.split('.');
  return `${words(subject)}: ${what.replaceAll('_', ' ')}`;
}

const detailsOf = (details: Record<string, unknown>) =>
  Object.entries(details)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');

/** What was done in the user's name, newest first. */
export function Audit() {
  const now = useServerNow();
  const query = useInfiniteQuery(auditQuery);
  const entries = query.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Panel title="What was done in your name">
      {query.isPending && <LoadingRows rows={5} />}
      {query.isError && !query.data && (
        <Failure
          title="The record could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      <ul className={styles.list}>
        {entries.map((entry) => (
          <li key={entry.id} className={styles.item} data-testid="audit-row">
            <div>
              <b>{actionOf(entry.action)}</b>
              <p className={styles.facts}>
                <Ago at={entry.at} now={now} /> · {entry.source_ip}
                {Object.keys(entry.details).length > 0 && ` · ${detailsOf(entry.details)}`}
              </p>
            </div>
          </li>
        ))}
      </ul>
      <More pages={query} />
    </Panel>
  );
}
