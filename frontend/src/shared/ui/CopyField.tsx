import { Button } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useId } from 'react';
import styles from './CopyField.module.css';
import { CheckIcon, CopyIcon } from './icons';

interface CopyFieldProps {
  label: string;
  value: string;
  testId?: string;
}

/** Text to take elsewhere, with a button that says when it has been copied. */
export function CopyField({ label, value, testId }: CopyFieldProps) {
  const id = useId();
  const clipboard = useClipboard({ timeout: 2000 });
  return (
    <div className={styles.field}>
      <span id={id} className={styles.label}>
        {label}
      </span>
      <div className={styles.box}>
        <pre className={styles.text} data-testid={testId}>
          {value}
        </pre>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={clipboard.copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
          aria-label={clipboard.copied ? `${label} copied` : `Copy ${label}`}
          onClick={() => clipboard.copy(value)}
        >
          {clipboard.error ? 'Select it' : clipboard.copied ? 'Copied' : 'Copy'}
        </Button>
      </div>
    </div>
  );
}
