import { Button, Group, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { changePassword, sessionsKey } from '@/api/security';
import { useSubmit } from '@/api/useSubmit';
import { newPasswordError, PASSWORD_LENGTH } from '@/shared/password';
import { Alert } from '@/shared/ui/Alert';
import { Panel } from '@/shared/ui/Panel';
import { PasswordField } from '@/shared/ui/PasswordField';
import styles from './Security.module.css';

const EMPTY = { current_password: '', new_password: '', again: '' };

/** Changes the password of who knows it. */
export function Password() {
  const queries = useQueryClient();
  const form = useForm({
    initialValues: EMPTY,
    validate: {
      current_password: (value) => (value ? null : 'Enter the password you have now.'),
      new_password: newPasswordError,
      again: (value, { new_password }) => (value === new_password ? null : 'The two are not the same.'),
    },
  });
  const { onSubmit, isPending, isSaved, message } = useSubmit({
    form,
    fields: ['current_password', 'new_password'],
    send: ({ current_password, new_password }) => changePassword({ current_password, new_password }),
    onSaved: () => {
      form.reset();
      void queries.invalidateQueries({ queryKey: sessionsKey });
    },
  });
  const field = (name: keyof typeof EMPTY, label: string, autoComplete: string) => (
    <PasswordField
      label={label}
      autoComplete={autoComplete}
      data-testid={`password-${name}`}
      {...form.getInputProps(name)}
    />
  );
  return (
    <Panel title="Password">
      <form className={styles.body} onSubmit={onSubmit} noValidate>
        <Stack gap="md">
          {message && <Alert tone="danger">{message}</Alert>}
          {isSaved && <Alert tone="info">The password was changed. All other sessions have ended.</Alert>}
          {field('current_password', 'Present password', 'current-password')}
          {field('new_password', `New password, at least ${PASSWORD_LENGTH} characters`, 'new-password')}
          {field('again', 'The new one again', 'new-password')}
          <Group>
            <Button type="submit" variant="default" loading={isPending} data-testid="password-save">
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
