import { Checkbox, NativeSelect, SegmentedControl, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import type { OnOpposite } from '@/api/types';
import styles from '../Setup.module.css';
import { SIZING } from './sizing';
import type { Values } from './values';

export type StrategyFormType = UseFormReturnType<Values>;

const ON_OPPOSITE: { value: OnOpposite; label: string }[] = [
  { value: 'reverse', label: 'Reverse: close, then open the other side' },
  { value: 'close', label: 'Close only' },
  { value: 'ignore', label: 'Ignore it' },
];

const MARGIN_MODES = [
  { value: 'any', label: 'Any margin mode' },
  { value: 'isolated', label: 'Isolated margin' },
  { value: 'cross', label: 'Cross margin' },
];

/** How much, and when not any more. */
export function SizeFields({ form }: { form: StrategyFormType }) {
  const { sizing } = form.values;
  return (
    <fieldset className={styles.group}>
      <legend>Size</legend>
      <div className={styles.two}>
        <NativeSelect
          label="Sized by"
          data={Object.entries(SIZING).map(([value, { label }]) => ({ value, label }))}
          {...form.getInputProps('sizing.mode')}
        />
        <TextInput
          label={`Value, ${SIZING[sizing.mode].unit}`}
          inputMode="decimal"
          data-testid="strategy-size"
          {...form.getInputProps('sizing.value')}
        />
      </div>
      <p className={styles.hint}>{SIZING[sizing.mode].hint}</p>
      <div className={styles.two}>
        <TextInput
          label="Leverage, ×"
          inputMode="decimal"
          data-testid="strategy-leverage"
          {...form.getInputProps('leverage')}
        />
        <TextInput label="Maximum alert age, s" inputMode="numeric" {...form.getInputProps('max_age_s')} />
      </div>
      <NativeSelect
        label="Account must be in"
        description="Entries are refused while it is in another margin mode at the exchange."
        data={MARGIN_MODES}
        {...form.getInputProps('margin_mode')}
      />
      <NativeSelect
        label="When the opposite signal comes"
        data={ON_OPPOSITE}
        {...form.getInputProps('on_opposite')}
      />
    </fieldset>
  );
}

/** At market, or by a limit order that waits. */
export function EntryFields({ form }: { form: StrategyFormType }) {
  const { entry } = form.values;
  return (
    <fieldset className={styles.group}>
      <legend>Entry</legend>
      <SegmentedControl
        fullWidth
        aria-label="How a position is opened"
        data={[
          { value: 'market', label: 'At market' },
          { value: 'limit', label: 'By limit order' },
        ]}
        {...form.getInputProps('entry.kind')}
      />
      <TextInput
        label="Entries of one side at most"
        description="1 opens a position; more lets further signals of its side add to it."
        inputMode="numeric"
        data-testid="strategy-max-entries"
        {...form.getInputProps('max_entries')}
      />
      {entry.kind === 'limit' && (
        <>
          <div className={styles.two}>
            <TextInput
              label="Better than the last price by"
              placeholder="0.2%"
              data-testid="strategy-entry-at"
              {...form.getInputProps('entry.at')}
            />
            <TextInput
              label="Canceled after, s"
              inputMode="numeric"
              {...form.getInputProps('entry.expires_s')}
            />
          </div>
          <Checkbox
            label="Post-only: never pay the taker fee; refused where it would fill at once"
            {...form.getInputProps('entry.post_only', { type: 'checkbox' })}
          />
        </>
      )}
    </fieldset>
  );
}
