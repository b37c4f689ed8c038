import { Button, Group, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { runSelfTest } from '@/api/commands';
import { toApiError } from '@/api/problem';
import { selfTestQuery } from '@/api/queries';
import type { Account, SelfTestLine } from '@/api/types';
import { useServerNow } from '@/live/hooks';
import { Alert } from '@/shared/ui/Alert';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Tag, type Tone } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import styles from '../Setup.module.css';

const STATUS: Record<SelfTestLine['status'], { tone: Tone; words: string }> = {
  ok: { tone: 'accent', words: 'OK' },
  warning: { tone: 'warn', words: 'Warning' },
  failed: { tone: 'danger', words: 'Failed' },
};

/** What the account's key may do and how the account is set up, line by line. */
export function SelfTest({ account }: { account: Account }) {
  const queries = useQueryClient();
  const now = useServerNow();
  const query = useQuery(selfTestQuery(account.id));
  const run = useMutation({
    mutationFn: () => runSelfTest(account.id),
    onSettled: () => queries.invalidateQueries({ queryKey: selfTestQuery(account.id).queryKey }),
  });
  const test = query.data;
  return (
    <Stack gap="md">
      <Group>
        <Button
          size="compact-md"
          loading={run.isPending || test?.running === true}
          onClick={() => run.mutate()}
          data-testid="self-test-run"
        >
          Test now
        </Button>
        {test?.finished_at && (
          <span className={styles.hint}>
            Last tested <Ago at={test.finished_at} now={now} />
          </span>
        )}
      </Group>
      {run.error && <Alert tone="danger">{toApiError(run.error).message}</Alert>}
      {query.isPending && <LoadingRows rows={5} />}
      {query.isError && !test && (
        <Failure
          title="The self-test could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {test && test.lines.length === 0 && !test.running && (
        <Alert tone="info">This account was not tested yet.</Alert>
      )}
      <ul className={styles.list}>
        {test?.lines.map((line) => (
          <li key={line.code} className={styles.item} data-testid={`self-test-${line.code}`}>
            <div>
              <b>{line.title}</b>
              <p className={styles.hint}>{line.detail}</p>
            </div>
            <Tag tone={STATUS[line.status].tone}>{STATUS[line.status].words}</Tag>
          </li>
        ))}
      </ul>
    </Stack>
  );
}
