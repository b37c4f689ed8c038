import { ActionIcon, Button, Drawer, Switch } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteStrategy, setStrategyEnabled } from '@/api/commands';
import { toApiError } from '@/api/problem';
import { accountsQuery, keys, strategiesQuery } from '@/api/queries';
import type { Account, CreatedStrategy, Strategy } from '@/api/types';
import { duration, number } from '@/shared/format';
import { Confirm } from '@/shared/ui/Confirm';
import { EnvironmentTag } from '@/shared/ui/EnvironmentTag';
import { PlusIcon, SignalsIcon, TrashIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { Tag } from '@/shared/ui/Tag';
import styles from '../Setup.module.css';
import { StrategyForm } from './StrategyForm';
import { sizingWords } from './sizing';
import { Webhook } from './webhook/Webhook';

interface ItemProps {
  strategy: Strategy;
  account: Account | undefined;
  onEdit: () => void;
  onWebhook: () => void;
  onDelete: () => void;
}

function StrategyItem({ strategy, account, onEdit, onWebhook, onDelete }: ItemProps) {
  const queries = useQueryClient();
  const toggle = useMutation({
    mutationFn: (enabled: boolean) => setStrategyEnabled(strategy.id, enabled),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.strategies }),
  });
  const enabled = toggle.isPending ? toggle.variables : strategy.enabled;
  const { stop_loss, take_profit = [], trailing, break_even, time_exit_s, trigger_by } = strategy.protection;
  return (
    <li className={styles.item} data-testid="strategy-row">
      <div>
        <h3 className={styles.name}>
          <span className={enabled ? undefined : styles.off}>{strategy.name}</span>
          {account && <EnvironmentTag environment={account.environment} />}
          {!enabled && <Tag>Disabled</Tag>}
          {!stop_loss && <Tag tone="danger">No stop-loss</Tag>}
        </h3>
        <p className={styles.facts}>
          <span>
            <b>{strategy.symbols.join(', ')}</b>
          </span>
          <span>
            Size <b>{sizingWords(strategy.sizing)}</b> at <b className="num">{number(strategy.leverage)}×</b>
          </span>
          {stop_loss && (
            <span>
              Stop <b>{stop_loss}</b>
            </span>
          )}
          {take_profit.length > 0 && (
            <span>
              Targets <b>{take_profit.map(({ at, portion }) => `${portion} at ${at}`).join(', ')}</b>
            </span>
          )}
          {strategy.max_entries > 1 && (
            <span>
              Up to <b className="num">{strategy.max_entries} entries</b>
            </span>
          )}
          {strategy.entry.kind === 'limit' && (
            <span>
              Entry <b>limit {strategy.entry.at} better</b>
            </span>
          )}
          {trailing && (
            <span>
              Trailing <b>{trailing.distance}</b>
            </span>
          )}
          {break_even && (
            <span>
              Break-even at <b>{break_even.trigger}</b>
            </span>
          )}
          {time_exit_s && (
            <span>
              Closed after <b>{duration(time_exit_s * 1000)}</b>
            </span>
          )}
          {trigger_by !== 'last' && (
            <span>
              Levels on the <b>{trigger_by} price</b>
            </span>
          )}
          {account && <span>{account.label}</span>}
        </p>
        {toggle.isError && <p className={styles.warn}>{toApiError(toggle.error).message}</p>}
      </div>
      <div className={styles.actions}>
        <Switch
          aria-label={`${strategy.name} takes signals`}
          checked={enabled}
          disabled={toggle.isPending}
          onChange={(event) => toggle.mutate(event.currentTarget.checked)}
        />
        <Button
          size="compact-sm"
          variant="default"
          onClick={onEdit}
          aria-label={`Edit ${strategy.name}`}
          data-testid="strategy-edit"
        >
          Edit
        </Button>
        <Button
          size="compact-sm"
          variant="default"
          onClick={onWebhook}
          aria-label={`Webhook of ${strategy.name}`}
          data-testid="strategy-webhook"
        >
          Webhook
        </Button>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={`Delete ${strategy.name}`}
          onClick={onDelete}
        >
          <TrashIcon size={18} />
        </ActionIcon>
      </div>
    </li>
  );
}

export function StrategiesPanel() {
  const queries = useQueryClient();
  const query = useQuery(strategiesQuery);
  const accounts = useQuery(accountsQuery);
  const [adding, setAdding] = useState(false);
  const [webhook, setWebhook] = useState<Strategy | CreatedStrategy | null>(null);
  const [editing, setEditing] = useState<Strategy | null>(null);
  const [deleting, setDeleting] = useState<Strategy | null>(null);
  const remove = useMutation({
    mutationFn: deleteStrategy,
    onSuccess: () => {
      setDeleting(null);
      void queries.invalidateQueries({ queryKey: keys.strategies });
    },
  });
  const noAccount = accounts.data?.length === 0;
  const add = (
    <Button
      size="compact-md"
      leftSection={<PlusIcon />}
      disabled={!accounts.data || noAccount}
      onClick={() => setAdding(true)}
      data-testid="add-strategy"
    >
      New strategy
    </Button>
  );

  return (
    <Panel title="Strategies" count={query.data?.length} aside={query.data?.length ? add : undefined}>
      {query.isPending && <LoadingRows rows={2} height={44} />}
      {query.isError && !query.data && (
        <Failure
          title="Strategies could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data?.length === 0 && (
        <Empty icon={<SignalsIcon size={20} />} title="No strategy yet" action={add}>
          {noAccount
            ? 'A strategy trades on an account: add one above, then come back here.'
            : 'A strategy says how large a position is and how it is protected, and gives you a webhook for your alerts.'}
        </Empty>
      )}
      <ul className={styles.list}>
        {query.data?.map((strategy) => (
          <StrategyItem
            key={strategy.id}
            strategy={strategy}
            account={accounts.data?.find(({ id }) => id === strategy.account_id)}
            onEdit={() => setEditing(strategy)}
            onWebhook={() => setWebhook(strategy)}
            onDelete={() => {
              remove.reset();
              setDeleting(strategy);
            }}
          />
        ))}
      </ul>
      <Drawer opened={adding} onClose={() => setAdding(false)} title="New strategy" size={520}>
        <StrategyForm
          accounts={accounts.data ?? []}
          onSaved={(created) => {
            setAdding(false);
            setWebhook(created);
          }}
        />
      </Drawer>
      <Drawer
        opened={editing !== null}
        onClose={() => setEditing(null)}
        title={`Edit ${editing?.name ?? ''}`}
        size={520}
      >
        {editing && (
          <StrategyForm accounts={accounts.data ?? []} strategy={editing} onSaved={() => setEditing(null)} />
        )}
      </Drawer>
      <Drawer
        opened={webhook !== null}
        onClose={() => setWebhook(null)}
        title={webhook ? `Webhook of ${webhook.name}` : ''}
        size={560}
        // The secret is shown once: a stray click beside the panel must not lose it.
        closeOnClickOutside={!(webhook && 'webhook_secret' in webhook)}
      >
        {webhook && (
          <Webhook
            key={webhook.id}
            strategy={webhook}
            account={accounts.data?.find(({ id }) => id === webhook.account_id)}
            onRotated={setWebhook}
          />
        )}
      </Drawer>
      <Confirm
        opened={deleting !== null}
        title={`Delete ${deleting?.name ?? ''}?`}
        verb="Delete strategy"
        danger
        pending={remove.isPending}
        error={remove.error ? toApiError(remove.error).message : undefined}
        onConfirm={() => deleting && remove.mutate(deleting.id)}
        onClose={() => setDeleting(null)}
      >
        Its webhook stops answering at once. Past signals and trades are kept.
      </Confirm>
    </Panel>
  );
}
