import { NativeSelect, TextInput } from '@mantine/core';
import type { ChangeEvent } from 'react';
import { SECONDS_IN, type TimeUnit } from '@/shared/span';
import type { Moving, MovingErrors } from './moving';
import styles from './ProtectionForm.module.css';

interface MovingFieldsProps {
  moving: Moving;
  errors: MovingErrors;
  onChange: (part: Partial<Moving>) => void;
}

/** What moves the stop of a position on the way, and when it is closed whatever the price. */
export function MovingFields({ moving, errors, onChange }: MovingFieldsProps) {
  const field = (name: Exclude<keyof Moving, 'timeExit'>) => ({
    autoComplete: 'off',
    value: moving[name],
    error: errors[name],
    onChange: (event: ChangeEvent<HTMLInputElement>) => onChange({ [name]: event.currentTarget.value }),
  });
  return (
    <>
      <div className={styles.two}>
        <TextInput
          label="Trail behind the best price by"
          placeholder="0.8%; empty is off"
          data-testid="protect-trailing"
          {...field('trailing')}
        />
        <TextInput label="From this profit or price on" placeholder="now" {...field('activation')} />
      </div>
      <div className={styles.two}>
        <TextInput
          label="To break-even once it reaches"
          placeholder="1%; empty is off"
          data-testid="protect-break-even"
          {...field('breakEven')}
        />
        <TextInput label="Plus" placeholder="0%" {...field('offset')} />
      </div>
      <div className={styles.two}>
        <TextInput
          label="Close after, since opening"
          placeholder="Never"
          inputMode="numeric"
          autoComplete="off"
          data-testid="protect-time-exit"
          value={moving.timeExit.amount}
          error={errors.timeExit}
          onChange={(event) =>
            onChange({ timeExit: { ...moving.timeExit, amount: event.currentTarget.value } })
          }
        />
        <NativeSelect
          label="Unit"
          data={Object.keys(SECONDS_IN)}
          value={moving.timeExit.unit}
          onChange={(event) =>
            onChange({ timeExit: { ...moving.timeExit, unit: event.currentTarget.value as TimeUnit } })
          }
        />
      </div>
    </>
  );
}
