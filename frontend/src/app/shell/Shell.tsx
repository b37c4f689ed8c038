import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useStore } from 'zustand';
import { createTicket } from '@/api/commands';
import { accountsQuery } from '@/api/queries';
import { session } from '@/api/session';
import { createApply } from '@/live/apply';
import { LiveConnection } from '@/live/connection';
import { usePositionsFallback } from '@/live/fallback';
import { clearNotices } from '@/live/notices';
import { putEnvironments, resetLive, tick } from '@/live/store';
import { clearAsked } from './asked';
import { Banner } from './Banner';
import { ConfirmIdentity } from './ConfirmIdentity';
import { DocumentTitle } from './DocumentTitle';
import { HaltBanner } from './HaltBanner';
import { Header } from './Header';
import { HealthStrip } from './HealthStrip';
import { Nav } from './Nav';
import styles from './Shell.module.css';

const NOTICE_COLOURS = { info: 'blue', warning: 'orange', error: 'red' } as const;

/** Keeps the live connection while somebody is logged in. */
function useLiveConnection() {
  const queries = useQueryClient();
  useEffect(() => {
    const apply = createApply(queries, ({ level, message }) =>
      notifications.show({
        color: NOTICE_COLOURS[level],
        message,
        ...(level === 'error' ? { autoClose: false } : {}),
      }),
    );
    const connection = new LiveConnection({ ticket: createTicket, apply });
    connection.start();
    const clock = setInterval(tick, 1000);
    return () => {
      clearInterval(clock);
      connection.stop();
      resetLive();
      clearNotices();
      clearAsked();
    };
  }, [queries]);
}

/** Prices are told apart by environment, positions by account: the accounts join them. */
function useEnvironments() {
  const { data } = useQuery(accountsQuery);
  useEffect(() => {
    if (data) putEnvironments(Object.fromEntries(data.map(({ id, environment }) => [id, environment])));
  }, [data]);
}

/** When the session ends, whatever ended it, log in again and come back here. */
function useSessionEnd() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const here = useRouterState({ select: (state) => state.location.href });
  const anonymous = useStore(session, ({ status }) => status === 'anonymous');
  useEffect(() => {
    if (!anonymous || here.startsWith('/login')) return;
    const next = here === '/' ? {} : { next: here };
    // Only once nothing shows them any more, or they would be asked for again.
    void navigate({ to: '/login', search: next, replace: true }).then(() => queries.clear());
  }, [anonymous, here, navigate, queries]);
}

export function Shell() {
  useLiveConnection();
  useEnvironments();
  usePositionsFallback();
  useSessionEnd();
  return (
    <div className={styles.shell}>
      <a href="#main" className={styles.skip}>
        Skip to content
      </a>
      <DocumentTitle />
      <ConfirmIdentity />
      <Header />
      <Nav />
      <main id="main" className={styles.main} tabIndex={-1}>
        <HaltBanner />
        <Banner />
        <Outlet />
      </main>
      <HealthStrip />
    </div>
  );
}
