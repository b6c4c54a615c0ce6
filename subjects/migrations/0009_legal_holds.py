"""Legal holds name their document and the day of their review."""

from datetime import timedelta

from django.db import migrations, models


def name_what_stood(apps, schema_editor):
    """An older hold is known by its number, and is reviewed three months after it began."""
    rows = apps.get_model("subjects", "Stop").objects.using(schema_editor.connection.alias)
    for row in rows.filter(kind="legal_hold"):
        row.document = row.label
        row.review_on = row.started_at.date() + timedelta(days=90)
        row.save(update_fields=["document", "review_on"])


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0014_inspector_access'),
        ('subjects', '0008_inspector_access'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalstop',
            name='document',
            field=models.CharField(blank=True, help_text='Of a legal hold: the paper that orders it, with its number and day. No names or numbers of people.', max_length=300, verbose_name='document'),
        ),
        migrations.AddField(
            model_name='historicalstop',
            name='review_on',
            field=models.DateField(blank=True, help_text='By this day somebody asks whether the hold is still needed (152-FZ 5(7)).', null=True, verbose_name='review by'),
        ),
        migrations.AddField(
            model_name='historicalstop',
            name='until_on',
            field=models.DateField(blank=True, help_text='Of a legal hold: on the day after, it is released by itself. Empty: somebody releases it.', null=True, verbose_name='last day'),
        ),
        migrations.AddField(
            model_name='stop',
            name='document',
            field=models.CharField(blank=True, help_text='Of a legal hold: the paper that orders it, with its number and day. No names or numbers of people.', max_length=300, verbose_name='document'),
        ),
        migrations.AddField(
            model_name='stop',
            name='review_on',
            field=models.DateField(blank=True, help_text='By this day somebody asks whether the hold is still needed (152-FZ 5(7)).', null=True, verbose_name='review by'),
        ),
        migrations.AddField(
            model_name='stop',
            name='until_on',
            field=models.DateField(blank=True, help_text='Of a legal hold: on the day after, it is released by itself. Empty: somebody releases it.', null=True, verbose_name='last day'),
        ),
        migrations.RunPython(name_what_stood, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='stop',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'legal_hold'), _negated=True), models.Q(models.Q(('document', ''), _negated=True), ('review_on__isnull', False)), _connector='OR'), name='stop_hold_has_a_document_and_a_review'),
        ),
        migrations.AddConstraint(
            model_name='stop',
            constraint=models.CheckConstraint(condition=models.Q(('until_on', None), ('review_on', None), ('review_on__lte', models.F('until_on')), _connector='OR'), name='stop_reviewed_while_it_stands'),
        ),
    ]
