import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useStore } from 'zustand';
import { logOut } from '@/api/auth';
import { accountsQuery } from '@/api/queries';
import { session } from '@/api/session';
import { useLive } from '@/live/hooks';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { LogOutIcon, MoonIcon, ShieldIcon, SunIcon, SystemIcon, UserIcon } from '@/shared/ui/icons';
import { Pnl } from '@/shared/ui/Pnl';
import { Tag } from '@/shared/ui/Tag';
import { ConnectionBadge } from './ConnectionBadge';
import { HaltButton } from './HaltButton';
import styles from './Header.module.css';
import { Notices } from './Notices';

function Environments() {
  const { data } = useQuery(accountsQuery);
  if (!data) return null;
  if (data.length === 0) return <Tag>No account</Tag>;
  const environments = [...new Set(data.map(({ environment }) => environment))];
  return environments.map((environment) => <EnvironmentTag key={environment} environment={environment} />);
}

function OpenTotal() {
  const total = useLive((state) => state.total);
  const loaded = useLive((state) => state.loaded);
  if (!loaded || total.open === 0) return null;
  return (
    <div className={styles.total} title="Unrealised P/L of all open positions, fees not counted">
      <span className={styles.totalLabel}>Open P/L</span>
      <Pnl value={total.pnl} suffix=" USDT" stale={total.stale} />
    </div>
  );
}

const SCHEMES = {
  auto: { next: 'light', label: 'system', Icon: SystemIcon },
  light: { next: 'dark', label: 'light', Icon: SunIcon },
  dark: { next: 'auto', label: 'dark', Icon: MoonIcon },
} as const;

function SchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { next, label, Icon } = SCHEMES[colorScheme];
  return (
    <Tooltip label={`Colour scheme: ${label}`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={36}
        aria-label={`Colour scheme: ${label}. Change to ${SCHEMES[next].label}`}
        onClick={() => setColorScheme(next)}
      >
        <Icon size={18} />
      </ActionIcon>
    </Tooltip>
  );
}

function UserMenu() {
  const email = useStore(session, ({ user }) => user?.email);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { next, label, Icon } = SCHEMES[colorScheme];
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={36} aria-label="Your account">
          <UserIcon size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{email}</Menu.Label>
        <Menu.Item
          className={styles.narrow}
          leftSection={<Icon />}
          closeMenuOnClick={false}
          onClick={() => setColorScheme(next)}
        >
          Colour scheme: {label}
        </Menu.Item>
        <Menu.Item leftSection={<ShieldIcon size={16} />} component={Link} to="/security">
          Security and sessions
        </Menu.Item>
        <Menu.Item leftSection={<LogOutIcon />} onClick={() => void logOut()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Header() {
  return (
    <header className={styles.header}>
      <Link to="/" className={styles.brand} aria-label="Backstop, positions">
        <span className={styles.mark}>
          <ShieldIcon size={18} />
        </span>
        <span className={styles.name}>Backstop</span>
      </Link>
      <div className={styles.environments}>
        <Environments />
      </div>
      <div className={styles.right}>
        <OpenTotal />
        <HaltButton />
        <ConnectionBadge />
        <Notices />
        <span className={styles.wide}>
          <SchemeToggle />
        </span>
        <UserMenu />
      </div>
    </header>
  );
}
