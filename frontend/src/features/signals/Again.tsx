import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { toApiError } from '@/api/problem';
import { accountsQuery, strategiesQuery } from '@/api/queries';
import type { FlightRecord } from '@/api/types';
import { fresh, preflight, replay } from '@/api/webhooks';
import { PreflightView } from '@/entities/preflight/PreflightView';
import { Alert } from '@/shared/ui/Alert';
import styles from './FlightRecordView.module.css';

/** The strategies that could take it without real money, those of its own account first. */
function usePaperStrategies({ symbol, account_id }: FlightRecord) {
  const { data: accounts = [] } = useQuery(accountsQuery);
  const { data: strategies = [] } = useQuery(strategiesQuery);
  const paper = new Map(
    accounts.filter(({ environment }) => environment !== 'mainnet').map((account) => [account.id, account]),
  );
  return strategies
    .filter((strategy) => strategy.enabled && symbol && strategy.symbols.includes(symbol))
    .flatMap((strategy) => {
      const account = paper.get(strategy.account_id);
      return account ? [{ strategy, account }] : [];
    })
    .toSorted((a, b) => Number(b.account.id === account_id) - Number(a.account.id === account_id));
}

function Replay({ record }: { record: FlightRecord }) {
  const paper = usePaperStrategies(record);
  const [chosen, setChosen] = useState('');
  const strategyId = chosen || paper[0]?.strategy.id;
  const send = useMutation({ mutationFn: (id: string) => replay(record.id, id) });
  if (!strategyId) {
    return (
      <p className={styles.dim}>
        To replay it without real money, make a strategy for {record.symbol} on a simulator or demo account.
      </p>
    );
  }
  return (
    <>
      <Group align="end" gap="xs" wrap="nowrap">
        <NativeSelect
          label="Replay on"
          style={{ flex: 1, minWidth: 0 }}
          data={paper.map(({ strategy, account }) => ({
            value: strategy.id,
            label: `${strategy.name} · ${account.label} · ${account.environment.toUpperCase()}`,
          }))}
          value={strategyId}
          data-testid="replay-strategy"
          onChange={(event) => {
            setChosen(event.currentTarget.value);
            send.reset();
          }}
        />
        <Button
          variant="default"
          loading={send.isPending}
          onClick={() => send.mutate(strategyId)}
          data-testid="replay"
        >
          Replay
        </Button>
      </Group>
      {send.error && <Alert tone="danger">{toApiError(send.error).message}</Alert>}
      {send.data && (
        <Alert tone="info">
          It was given to the engine as a new signal.{' '}
          <Link to="/signals" search={{ id: send.data.signal_id }}>
            See what becomes of it
          </Link>
        </Alert>
      )}
    </>
  );
}

/** The same alert once more: foreseen on its own strategy, or acted on where no money is real. */
export function Again({ record }: { record: FlightRecord }) {
  const { parsed, strategy_id } = record;
  const foresee = useMutation({
    mutationFn: (alert: Record<string, unknown>) => preflight(strategy_id, fresh(alert)),
  });
  if (!parsed) return null;
  return (
    <section className={styles.again} aria-labelledby="again">
      <h3 id="again" className={styles.title}>
        Once more
      </h3>
      <Stack gap="sm">
        <Group>
          <Button
            variant="default"
            size="compact-md"
            loading={foresee.isPending}
            onClick={() => foresee.mutate(parsed)}
            data-testid="foresee"
          >
            What would it do now?
          </Button>
          <span className={styles.dim}>On {record.strategy_name}; nothing is sent.</span>
        </Group>
        {foresee.error && <Alert tone="danger">{toApiError(foresee.error).message}</Alert>}
        {foresee.data && <PreflightView preflight={foresee.data} />}
        <Replay record={record} />
      </Stack>
    </section>
  );
}
