import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from registry.errors import OperatorError, gettext_noop


class PapersInTheOpen(OperatorError):
    """Found before anything of this migration is done."""

    template = gettext_noop(
        "%(count)s papers of acts of destruction lie in the open in this database, as no released "
        "version of the office wrote them. Keep a copy of it for as long as they must be kept "
        "(Order 179: three years), and begin with a new database."
    )


def refuse_open_papers(apps, schema_editor):
    """Papers lay in the open before this. They are not sealed here: the copies of them in backups
    and in the database's own log would stay readable, and a paper that is taken out of its row and
    written anew would look as if it had been sealed from the first day.
    """
    found = apps.get_model('subjects', 'ActPaper').objects.count()
    if found:
        raise PapersInTheOpen(count=found)


class Migration(migrations.Migration):

    dependencies = [
        ('subjects', '0013_system_calls'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(refuse_open_papers, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='destructionitem',
            name='kind',
            field=models.PositiveSmallIntegerField(choices=[(1, 'personal datum'), (2, 'evidence of a consent'), (3, 'file of a person'), (4, 'uploaded import file'), (5, 'request of a person'), (6, 'letter'), (7, 'submission that waits for its code'), (8, 'export for the authority'), (9, 'incoming mail'), (10, 'answer to a person'), (11, 'paper of an act of destruction')], verbose_name='sealed'),
        ),
        migrations.AlterField(
            model_name='sealedfile',
            name='kind',
            field=models.PositiveSmallIntegerField(choices=[(1, 'personal datum'), (2, 'evidence of a consent'), (3, 'file of a person'), (4, 'uploaded import file'), (5, 'request of a person'), (6, 'letter'), (7, 'submission that waits for its code'), (8, 'export for the authority'), (9, 'incoming mail'), (10, 'answer to a person'), (11, 'paper of an act of destruction')], verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='vaultkey',
            name='kind',
            field=models.PositiveSmallIntegerField(choices=[(1, 'personal datum'), (2, 'evidence of a consent'), (3, 'file of a person'), (4, 'uploaded import file'), (5, 'request of a person'), (6, 'letter'), (7, 'submission that waits for its code'), (8, 'export for the authority'), (9, 'incoming mail'), (10, 'answer to a person'), (11, 'paper of an act of destruction')], verbose_name='seals'),
        ),
        migrations.DeleteModel(name='ActPaper'),
        migrations.CreateModel(
            name='ActPaper',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('act', 'act of destruction'), ('log', 'extract of the event log')], max_length=10, verbose_name='kind')),
                ('language', models.CharField(blank=True, max_length=5, verbose_name='language')),
                ('digest', models.CharField(max_length=64, verbose_name='digest (SHA-256)')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('keep_until', models.DateField(verbose_name='kept until')),
                ('act', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='papers', to='subjects.destructionact', verbose_name='act')),
                ('file', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='act_paper', to='subjects.sealedfile', verbose_name='file')),
            ],
            options={
                'verbose_name': 'paper of an act',
                'verbose_name_plural': 'papers of acts',
                'ordering': ['act', 'kind', 'language'],
                'constraints': [models.UniqueConstraint(fields=('act', 'kind', 'language'), name='act_paper_once')],
            },
        ),
        migrations.CreateModel(
            name='ActScan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, verbose_name='digest (SHA-256)')),
                ('keep_until', models.DateField(verbose_name='kept until')),
                ('added_at', models.DateTimeField(verbose_name='added at')),
                ('act', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='scans', to='subjects.destructionact', verbose_name='act')),
                ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='act_scans', to=settings.AUTH_USER_MODEL, verbose_name='added by')),
                ('file', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='act_scan', to='subjects.sealedfile', verbose_name='file')),
            ],
            options={
                'verbose_name': 'scan of a signed act',
                'verbose_name_plural': 'scans of signed acts',
                'ordering': ['act', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('digest', ''), _negated=True), name='act_scan_has_a_digest')],
            },
        ),
    ]
