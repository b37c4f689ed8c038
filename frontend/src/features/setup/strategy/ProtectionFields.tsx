import { ActionIcon, Button, NativeSelect, TextInput } from '@mantine/core';
import type { PriceSource } from '@/api/types';
import { SECONDS_IN } from '@/shared/span';
import { Alert } from '@/shared/ui/Alert';
import { PlusIcon, TrashIcon } from '@/shared/ui/icons';
import styles from '../Setup.module.css';
import type { StrategyFormType } from './EntryFields';
import { remaining } from './values';

const MAX_RUNGS = 10;
const TRIGGERS: { value: PriceSource; label: string }[] = [
  { value: 'last', label: 'Last traded price' },
  { value: 'mark', label: 'Mark price' },
  { value: 'index', label: 'Index price' },
];

function Ladder({ form }: { form: StrategyFormType }) {
  const rungs = form.values.protection.take_profit;
  return (
    <div className={styles.rungs}>
      {rungs.map((_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rung is its place in the ladder
        <div key={index} className={styles.rung}>
          <TextInput
            label={`Target ${index + 1}`}
            placeholder="3% or 72000"
            {...form.getInputProps(`protection.take_profit.${index}.at`)}
          />
          <TextInput
            label="Closes"
            placeholder="50%"
            {...form.getInputProps(`protection.take_profit.${index}.portion`)}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={`Remove target ${index + 1}`}
            onClick={() => form.removeListItem('protection.take_profit', index)}
          >
            <TrashIcon />
          </ActionIcon>
        </div>
      ))}
      <Button
        variant="default"
        size="compact-md"
        leftSection={<PlusIcon size={14} />}
        disabled={rungs.length >= MAX_RUNGS}
        onClick={() => form.insertListItem('protection.take_profit', { at: '', portion: remaining(rungs) })}
      >
        Add a take-profit
      </Button>
    </div>
  );
}

/** Where a position ends, and what moves its stop on the way. */
export function ProtectionFields({ form }: { form: StrategyFormType }) {
  const { protection } = form.values;
  return (
    <>
      <fieldset className={styles.group}>
        <legend>Protection</legend>
        <TextInput
          label="Stop-loss"
          placeholder="1.5% or 64000"
          description="Distance from entry or a price. A second, slightly wider stop is kept at the exchange."
          data-testid="strategy-stop"
          {...form.getInputProps('protection.stop_loss')}
        />
        {!protection.stop_loss.trim() && (
          <Alert tone="warn">Without a stop-loss nothing limits what a position can lose.</Alert>
        )}
        <Ladder form={form} />
      </fieldset>
      <fieldset className={styles.group}>
        <legend>Moving the stop</legend>
        <div className={styles.two}>
          <TextInput
            label="Trail behind the best price by"
            placeholder="0.8%; empty is off"
            data-testid="strategy-trailing"
            {...form.getInputProps('protection.trailing.distance')}
          />
          <TextInput
            label="From this profit or price on"
            placeholder="at once"
            {...form.getInputProps('protection.trailing.activation')}
          />
        </div>
        <div className={styles.two}>
          <TextInput
            label="To break-even once it reaches"
            placeholder="1%; empty is off"
            description="Entry with the fees of both legs."
            data-testid="strategy-break-even"
            {...form.getInputProps('protection.break_even.trigger')}
          />
          <TextInput
            label="Plus"
            placeholder="0%"
            description="Of the entry price."
            {...form.getInputProps('protection.break_even.offset')}
          />
        </div>
      </fieldset>
      <fieldset className={styles.group}>
        <legend>More</legend>
        <div className={styles.two}>
          <TextInput
            label="Close after"
            placeholder="Never"
            inputMode="numeric"
            {...form.getInputProps('protection.time_exit.amount')}
          />
          <NativeSelect
            label="Unit"
            data={Object.keys(SECONDS_IN)}
            {...form.getInputProps('protection.time_exit.unit')}
          />
        </div>
        <div className={styles.two}>
          <NativeSelect
            label="Levels are compared with"
            data={TRIGGERS}
            data-testid="strategy-trigger"
            {...form.getInputProps('protection.trigger_by')}
          />
          <TextInput
            label="Exchange stop wider by"
            placeholder="0.5%"
            {...form.getInputProps('protection.resident_gap')}
          />
        </div>
      </fieldset>
    </>
  );
}
