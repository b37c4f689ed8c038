import { ActionIcon, Button, Drawer } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteAccount } from '@/api/commands';
import { toApiError } from '@/api/problem';
import { accountsQuery, keys } from '@/api/queries';
import type { Account, AccountLimits } from '@/api/types';
import { money, number } from '@/shared/format';
import { Confirm } from '@/shared/ui/Confirm';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { PlusIcon, SetupIcon, TrashIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Tag, type Tone } from '@/shared/ui/Tag';
import styles from '../Setup.module.css';
import { AccountForm } from './AccountForm';
import { LimitsForm } from './LimitsForm';
import { SelfTest } from './SelfTest';

const STATUS: Record<Account['status'], { tone: Tone; words: string }> = {
  connecting: { tone: 'info', words: 'Connecting' },
  active: { tone: 'accent', words: 'Active' },
  paused: { tone: 'warn', words: 'Paused' },
};

/** The limits in force, in short. */
function limitWords(limits: AccountLimits): string {
  const said = [
    limits.daily_loss_pct != null && `${number(limits.daily_loss_pct)} % loss a day`,
    limits.max_open_positions != null && `${limits.max_open_positions} positions`,
    limits.max_notional != null && `${number(limits.max_notional)} USDT open`,
    limits.max_position_notional != null && `${number(limits.max_position_notional)} USDT a position`,
    limits.max_leverage != null && `${number(limits.max_leverage)}× leverage`,
    limits.symbols?.join(' '),
    limits.max_orders_per_minute != null && `${limits.max_orders_per_minute} entries a minute`,
    limits.max_orders_per_day != null && `${limits.max_orders_per_day} entries a day`,
    limits.windows != null &&
      `${limits.windows.length} trading ${limits.windows.length === 1 ? 'window' : 'windows'}`,
    limits.cooldown_s != null && `${limits.cooldown_s} s pause after a close`,
  ].filter(Boolean);
  return said.length > 0 ? said.join(', ') : 'none';
}

interface ItemProps {
  account: Account;
  onTest: () => void;
  onLimits: () => void;
  onDelete: () => void;
}

function AccountItem({ account, onTest, onLimits, onDelete }: ItemProps) {
  const { tone, words } = STATUS[account.status];
  return (
    <li className={styles.item} data-testid="account-row">
      <div>
        <h3 className={styles.name}>
          {account.label} <EnvironmentTag environment={account.environment} />
          <Tag tone={tone} dot={account.status === 'connecting'} pulse>
            {words}
          </Tag>
        </h3>
        <p className={styles.facts}>
          <span>
            Key <b>…{account.api_key_last4}</b>
          </span>
          <span className="num">
            Equity <b>{account.equity === null ? 'not read yet' : `${money(account.equity)} USDT`}</b>
          </span>
          <span>
            Limits <b>{limitWords(account.limits)}</b>
          </span>
        </p>
        {account.status_reason && <p className={styles.warn}>{account.status_reason}</p>}
      </div>
      <div className={styles.actions}>
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Self-test of ${account.label}`}
          data-testid="account-test"
          onClick={onTest}
        >
          Self-test
        </Button>
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Limits of ${account.label}`}
          data-testid="account-limits"
          onClick={onLimits}
        >
          Limits
        </Button>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={`Disconnect ${account.label}`}
          onClick={onDelete}
        >
          <TrashIcon size={18} />
        </ActionIcon>
      </div>
    </li>
  );
}

export function AccountsPanel() {
  const queries = useQueryClient();
  const query = useQuery(accountsQuery);
  const [adding, setAdding] = useState(false);
  const [testing, setTesting] = useState<Account | null>(null);
  const [limiting, setLimiting] = useState<Account | null>(null);
  const [leaving, setLeaving] = useState<Account | null>(null);
  const remove = useMutation({
    mutationFn: deleteAccount,
    onSuccess: () => {
      setLeaving(null);
      void queries.invalidateQueries({ queryKey: keys.accounts });
    },
  });
  const add = (
    <Button
      size="compact-md"
      leftSection={<PlusIcon />}
      onClick={() => setAdding(true)}
      data-testid="add-account"
    >
      Add account
    </Button>
  );

  return (
    <Panel title="Exchange accounts" count={query.data?.length} aside={query.data?.length ? add : undefined}>
      {query.isPending && <LoadingRows rows={1} height={44} />}
      {query.isError && !query.data && (
        <Failure
          title="Accounts could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data?.length === 0 && (
        <Empty icon={<SetupIcon size={20} />} title="Connect an account first" action={add}>
          Start with the simulator: it behaves like Bybit and no money is involved.
        </Empty>
      )}
      <ul className={styles.list}>
        {query.data?.map((account) => (
          <AccountItem
            key={account.id}
            account={account}
            onTest={() => setTesting(account)}
            onLimits={() => setLimiting(account)}
            onDelete={() => {
              remove.reset();
              setLeaving(account);
            }}
          />
        ))}
      </ul>
      <Drawer opened={adding} onClose={() => setAdding(false)} title="Add an exchange account" size={460}>
        <AccountForm onDone={() => setAdding(false)} />
      </Drawer>
      <Drawer
        opened={testing !== null}
        onClose={() => setTesting(null)}
        title={`Self-test of ${testing?.label ?? ''}`}
        size={520}
      >
        {testing && <SelfTest account={testing} />}
      </Drawer>
      <Drawer
        opened={limiting !== null}
        onClose={() => setLimiting(null)}
        title={`Limits of ${limiting?.label ?? ''}`}
        size={460}
      >
        {limiting && <LimitsForm account={limiting} onDone={() => setLimiting(null)} />}
      </Drawer>
      <Confirm
        opened={leaving !== null}
        title={`Disconnect ${leaving?.label ?? ''}?`}
        verb="Disconnect"
        danger
        pending={remove.isPending}
        error={remove.error ? toApiError(remove.error).message : undefined}
        onConfirm={() => leaving && remove.mutate(leaving.id)}
        onClose={() => setLeaving(null)}
      >
        Its key is deleted here and its strategies stop. Nothing changes at the exchange; also delete the key
        there.
      </Confirm>
    </Panel>
  );
}
