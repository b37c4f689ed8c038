import { Drawer } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { toApiError } from '@/api/problem';
import { signalsQuery } from '@/api/queries';
import { More } from '@/shared/ui/DataTable';
import { SignalsIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { FlightRecordView } from './FlightRecordView';
import { SignalsList } from './SignalsList';

export function SignalsPanel({ onOpen }: { onOpen: (id: string) => void }) {
  const query = useInfiniteQuery(signalsQuery);
  const signals = query.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Panel title="Signals">
      {query.isPending && <LoadingRows rows={6} />}
      {query.isError && !query.data && (
        <Failure
          title="Signals could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data && signals.length === 0 && (
        <Empty
          icon={<SignalsIcon size={20} />}
          title="No alert has come in yet"
          action={<Link to="/setup">See your webhooks</Link>}
        >
          Paste a strategy's webhook address and message into a TradingView alert; each alert is listed here
          with what was decided and why.
        </Empty>
      )}
      {signals.length > 0 && <SignalsList signals={signals} onOpen={onOpen} />}
      <More pages={query} />
    </Panel>
  );
}

export function SignalsPage() {
  const { id } = useSearch({ from: '/shell/signals' });
  const navigate = useNavigate();
  const open = (next: string | undefined) =>
    void navigate({ to: '/signals', search: next ? { id: next } : {}, replace: next === undefined });
  return (
    <>
      <SignalsPanel onOpen={open} />
      <Drawer opened={id !== undefined} onClose={() => open(undefined)} title="Flight record" size={560}>
        {id !== undefined && <FlightRecordView id={id} />}
      </Drawer>
    </>
  );
}
