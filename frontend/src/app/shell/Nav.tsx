import { Link, useRouterState } from '@tanstack/react-router';
import { useLive } from '@/live/hooks';
import { HistoryIcon, OverviewIcon, PositionsIcon, SetupIcon, SignalsIcon } from '@/shared/ui/icons';
import styles from './Nav.module.css';

const PAGES = [
  { to: '/', label: 'Positions', Icon: PositionsIcon },
  { to: '/overview', label: 'Overview', Icon: OverviewIcon },
  { to: '/signals', label: 'Signals', Icon: SignalsIcon },
  { to: '/history', label: 'History', Icon: HistoryIcon },
  { to: '/setup', label: 'Setup', Icon: SetupIcon },
] as const;

function OpenCount() {
  const open = useLive((state) => state.ids.length);
  return open > 0 ? (
    <span className={`num ${styles.badge}`} aria-hidden="true">
      {open}
    </span>
  ) : null;
}

export function Nav() {
  const inPosition = useRouterState({
    select: ({ location }) => location.pathname.startsWith('/positions/'),
  });
  return (
    <nav className={styles.nav} aria-label="Pages">
      {PAGES.map(({ to, label, Icon }) => (
        <Link
          key={to}
          to={to}
          className={styles.link}
          activeOptions={{ exact: to === '/', includeSearch: false }}
          data-within={(to === '/' && inPosition) || undefined}
        >
          <span className={styles.icon}>
            <Icon size={20} />
            {to === '/' && <OpenCount />}
          </span>
          {label}
        </Link>
      ))}
    </nav>
  );
}
