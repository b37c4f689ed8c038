import { Anchor, Button, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { recover } from '@/api/auth';
import { useSubmit } from '@/api/useSubmit';
import { newPasswordError, PASSWORD_LENGTH } from '@/shared/password';
import { Alert } from '@/shared/ui/Alert';
import { PasswordField } from '@/shared/ui/PasswordField';
import { EmailField, emailError } from './EmailField';
import styles from './LoginPage.module.css';

const FIELDS = ['email', 'backup_code', 'totp', 'new_password'];
/** The server does not tell which of them is wrong. */
const WRONG =
  'The e-mail address, the backup code or, where a second factor is on, the code of the authenticator is wrong.';

interface RecoveryFormProps {
  onDone: () => void;
  onBack: () => void;
}

/** A new password for who has forgotten it and kept a backup code. */
export function RecoveryForm({ onDone, onBack }: RecoveryFormProps) {
  const form = useForm({
    initialValues: { email: '', backup_code: '', totp: '', new_password: '' },
    validate: {
      email: emailError,
      backup_code: (value) => (value.trim().length >= 6 ? null : 'Enter one of your backup codes.'),
      new_password: newPasswordError,
    },
  });
  const { onSubmit, isPending, message } = useSubmit({
    form,
    fields: FIELDS,
    send: ({ email, backup_code, totp, new_password }) =>
      recover({
        email: email.trim(),
        backup_code: backup_code.trim(),
        new_password,
        ...(totp.trim() ? { totp: totp.trim() } : {}),
      }),
    onSaved: onDone,
    words: { wrong_credentials: WRONG },
  });
  return (
    <form onSubmit={onSubmit} noValidate aria-label="Set a new password">
      <Stack gap="md">
        <h1 className={styles.title}>Set a new password</h1>
        <p className={styles.hint}>
          With one of the backup codes you kept when you set up the second factor. All your sessions end.
        </p>
        {message && <Alert tone="danger">{message}</Alert>}
        <EmailField data-testid="recover-email" {...form.getInputProps('email')} />
        <TextInput
          label="Backup code"
          size="md"
          autoComplete="off"
          spellCheck={false}
          data-testid="recover-code"
          {...form.getInputProps('backup_code')}
        />
        <TextInput
          label="Code of the authenticator"
          description="Or another backup code. Empty if the second factor is off."
          size="md"
          autoComplete="one-time-code"
          data-testid="recover-totp"
          {...form.getInputProps('totp')}
        />
        <PasswordField
          label="New password"
          size="md"
          autoComplete="new-password"
          description={`At least ${PASSWORD_LENGTH} characters; a long phrase is best.`}
          data-testid="recover-password"
          {...form.getInputProps('new_password')}
        />
        <Button type="submit" size="md" fullWidth loading={isPending} data-testid="recover-submit">
          Set the password and log in
        </Button>
        <p className={styles.toggle}>
          <Anchor component="button" type="button" onClick={onBack}>
            Back to the login
          </Anchor>
        </p>
      </Stack>
    </form>
  );
}
