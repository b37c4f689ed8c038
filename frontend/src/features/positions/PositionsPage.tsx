import { useMediaQuery } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Suspense, useEffect, useState } from 'react';
import { accountsQuery } from '@/api/queries';
import { readPositionsNow } from '@/live/fallback';
import { useLive } from '@/live/hooks';
import { PHONE } from '@/shared/media';
import { PositionsIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';
import type { PositionAction } from './actions';
import { CloseAll } from './CloseAll';
import { PositionDialog, ProtectionDialog, preloadDialogs } from './dialogs';
import { PositionCards } from './PositionCards';
import styles from './PositionsPage.module.css';
import { PositionsTable } from './PositionsTable';
import { Summary } from './Summary';
import { TradesPanel } from './TradesPanel';

function NoPositions() {
  const { data: accounts } = useQuery(accountsQuery);
  if (accounts?.length === 0) {
    return (
      <Empty
        icon={<PositionsIcon size={20} />}
        title="Nothing can open yet"
        action={<Link to="/setup">Connect an account</Link>}
      >
        Connect a simulator or Bybit account, then make a strategy with its webhook.
      </Empty>
    );
  }
  return (
    <Empty
      icon={<PositionsIcon size={20} />}
      title="No open positions"
      action={<Link to="/setup">See your webhooks</Link>}
    >
      A position appears here the moment an alert opens one. Send an alert to a strategy's webhook to try.
    </Empty>
  );
}

export function OpenPositions() {
  const queries = useQueryClient();
  const phone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
  const ids = useLive((state) => state.ids);
  const loaded = useLive((state) => state.loaded);
  const failure = useLive((state) => state.failure);
  const [action, setAction] = useState<PositionAction | null>(null);
  useEffect(preloadDialogs, []);

  return (
    <Panel
      title="Open positions"
      count={loaded ? ids.length : undefined}
      aside={ids.length > 1 && <CloseAll />}
    >
      {!loaded && failure && (
        <Failure
          title="Positions could not be read"
          error={failure}
          onRetry={() => void readPositionsNow(queries)}
        />
      )}
      {!loaded && !failure && <LoadingRows rows={3} height={36} />}
      {loaded && ids.length === 0 && <NoPositions />}
      {loaded &&
        ids.length > 0 &&
        (phone ? (
          <PositionCards ids={ids} onAct={setAction} />
        ) : (
          <PositionsTable ids={ids} onAct={setAction} />
        ))}
      <Suspense>
        {action?.kind === 'protect' && <ProtectionDialog id={action.id} onClose={() => setAction(null)} />}
        {action && action.kind !== 'protect' && (
          <PositionDialog
            key={action.id + action.kind}
            id={action.id}
            kind={action.kind}
            onClose={() => setAction(null)}
          />
        )}
      </Suspense>
    </Panel>
  );
}

export function PositionsPage() {
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Positions</h1>
      <Summary />
      <OpenPositions />
      <TradesPanel />
    </div>
  );
}
