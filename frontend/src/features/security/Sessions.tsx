import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toApiError } from '@/api/problem';
import { endOtherSessions, endSession, sessionsKey, sessionsQuery } from '@/api/security';
import { useServerNow } from '@/live/hooks';
import { Alert } from '@/shared/ui/Alert';
import { Panel } from '@/shared/ui/Panel';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Tag } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import styles from './Security.module.css';

/** "Firefox on Windows", as far as the browser says. */
function deviceOf(agent: string): string {
  const browser = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find((name) => agent.includes(name));
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux'].find((name) =>
    agent.includes(name),
  );
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS': 'macOS' };
  const said = [browser, system].filter((name) => name !== undefined).map((name) => names[name] ?? name);
  return said.length > 0 ? said.join(' on ') : agent || 'Unknown device';
}

/** Where one is logged in; each can be ended. */
export function Sessions() {
  const queries = useQueryClient();
  const now = useServerNow();
  const query = useQuery(sessionsQuery);
  const done = () => void queries.invalidateQueries({ queryKey: sessionsKey });
  const end = useMutation({ mutationFn: endSession, onSettled: done });
  const others = useMutation({ mutationFn: endOtherSessions, onSettled: done });
  const sessions = query.data?.items ?? [];
  const error = end.error ?? others.error;
  return (
    <Panel
      title="Sessions"
      count={query.data && sessions.length}
      aside={
        sessions.length > 1 && (
          <Button
            size="compact-md"
            variant="default"
            loading={others.isPending}
            onClick={() => others.mutate()}
            data-testid="end-others"
          >
            End all others
          </Button>
        )
      }
    >
      {query.isPending && <LoadingRows rows={2} />}
      {query.isError && !query.data && (
        <Failure
          title="Sessions could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {error && <Alert tone="danger">{toApiError(error).message}</Alert>}
      <ul className={styles.list}>
        {sessions.map((open) => (
          <li key={open.id} className={styles.item} data-testid="session-row">
            <div>
              <b title={open.user_agent}>{deviceOf(open.user_agent)}</b>{' '}
              {open.current && <Tag tone="accent">This one</Tag>}
              <p className={styles.facts}>
                {open.source_ip} · used <Ago at={open.last_used_at} now={now} /> · logged in{' '}
                <Ago at={open.created_at} now={now} />
              </p>
            </div>
            {!open.current && (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`End the session of ${deviceOf(open.user_agent)}, ${open.source_ip}`}
                disabled={end.isPending}
                onClick={() => end.mutate(open.id)}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
